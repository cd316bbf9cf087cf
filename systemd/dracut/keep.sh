#!/bin/sh
# dracut reads this into its own shell, which must not end here.
/usr/lib/domb/domb-keep
