#!/bin/sh
# Where systemd runs, it reads the unit. The service is not started: its settings come first.
set -e
if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# After an upgrade the new version takes over.
	systemctl try-restart touchstone.service
fi
