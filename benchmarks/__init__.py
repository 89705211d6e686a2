"""How fast kachery is, measured beside the limits of the machine and beside other tools."""
