"""Packets of array streams: labelled arrays as bytes, in the form that xdas reads and writes.

`labelled` is what a packet holds; `grammar_writing` and `grammar_reading` name its coordinates as
xdas does, `image_writing` and `image_reading` make it the bytes of a netCDF file and back,
`stamps` numbers and signs it. Nothing here reads a file or a clock.
"""
