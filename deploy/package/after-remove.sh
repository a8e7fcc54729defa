#!/bin/sh
# The data in /var/lib/touchstone is left alone, also when the package is purged: remove it by hand.
set -e
if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
