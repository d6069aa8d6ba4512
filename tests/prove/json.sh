#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ./dev prove json. The script has another name and place: json.py here would be what its neighbours import as json.
exec /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/lib/json_round_trip.py" "$@"
