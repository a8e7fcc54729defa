#!/bin/sh
# The service ends with its package, but not before an upgrade.
set -e
case "$1" in
remove | 0)
	if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
		systemctl --no-reload disable --now touchstone.service
	fi
	;;
esac
