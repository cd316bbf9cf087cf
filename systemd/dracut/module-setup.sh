#!/bin/bash
# Module of dracut: has dom0's initramfs keep what domB handed over.

check() {
  return 0
}

install() {
  inst_multiple cat mkdir mv
  inst_script "${moddir:?}/domb-keep" /usr/lib/domb/domb-keep
  # With systemd in the initramfs and without, these run when the root file system is mounted and /run is still here.
  inst_hook pre-pivot 50 "$moddir/keep.sh"
}
