import os
import time

# Where nobody says otherwise, the machine is one that keeps UTC.
os.environ.setdefault("TZ", "UTC")
time.tzset()
