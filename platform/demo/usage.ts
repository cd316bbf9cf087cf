/** What `npm run demo -- --help` prints. */
export const demoUsage = `Usage: npm run demo -- [OPTION]... [MANIFEST]
       npm run demo -- --attach dom0|xen
       npm run demo -- --stop

Boots MANIFEST, or boot-configs/demo.yaml, on a virtual platform: QEMU's software emulation, Xen with FLASK
enforcing, a software TPM 2.0. Follows the boot, compares what came up with the manifest, and ends it.

  --images DIR    take images from DIR; those that it does not have are the demo's own, of the same name
  --memory SIZE   the machine's memory, such as 4GiB; 3GiB otherwise
  --cpus N        the machine's processors, 1 to 64; 2 otherwise
  --firmware      start through UEFI firmware with Secure Boot, enrol the TPM, and verify fresh evidence: it must
                  prove the whole chain. MANIFEST is boot-configs/firmware.yaml then, if none is given; another
                  one's dom0 must have dom0.cpio.zst and domb-command.cpio.zst
  --keep          leave the machine running afterwards, and say how to get into it
  --output DIR    where console, logs, evidence and images go; out/demo otherwise
  --attach LINE   connect this terminal to a machine that was kept: "dom0" is a root shell in dom0, "xen" is
                  the console of dom0 and of Xen. Ctrl-] leaves it
  --stop          end the demo that is running, and its machine
  --help, -h      print this

Manifest and images are checked before anything is built, as "domb validate --images" does it. What goes in
as the ramdisk of dom0 need not be the demo's. Another dom0 is not asked anything: what Xen and domB say on the
console is judged, and the rest is listed as not checked.

Exit status: 0 when everything that was compared is as it should be, and with --firmware also proven; 1 when
something is not, or when the boot failed or was ended early, 2 when the command line is wrong.
`;
