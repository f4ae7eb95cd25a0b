#!/usr/bin/env python3
"""jq as far as the printed commands use it: jq [-r] PATH, a path such as .jobs[].job_id. A name that is not there is an error."""

import json
import re
import sys

path = sys.argv[-1]
values = [json.load(sys.stdin)]
for name, each in re.findall(r"\.(\w+)(\[\])?", path):
    values = [value[name] for value in values]
    values = [item for value in values for item in value] if each else values
for value in values:
    print(value if "-r" in sys.argv and isinstance(value, str) else json.dumps(value))
