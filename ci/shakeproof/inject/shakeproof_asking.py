"""What a process says when it asks for its turn, for both ends of the socket: it needs no pytest."""

import struct

# Which benchmark, and which call of it, counted from 0; and whether all are called at the same time.
PLACE = struct.Struct("!II?")
BEHIND_ALL = 2**32 - 1  # in the place of a call: none is left
