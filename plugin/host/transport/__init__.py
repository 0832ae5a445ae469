"""Files as a source of live sound: reading ahead, seeking, looping."""
