/** Who is there, and where dom0 finds their devices. */
export const guests = ['ledger', 'signer', 'vault'];

export const VTPM_DOMID = 0x7fe0;

/** What the example leaves out: a guest of type hvm, and one that dom0 may look into. */
export const vault = `
  - name: vault
    domid: 3
    type: hvm
    seclabel: system_u:system_r:domU_t
    cmdline: console=hvc0 loglevel=5 domb.name=vault
    xenstore: true
    console: true
    vtpm: vtpm
    after: [vtpm]
`;

/** A guest that attacks the back end. */
export const mallory = `
  - name: mallory
    domid: 4
    seclabel: system_u:system_r:domU_t
    ramdisk: [guest.cpio.zst, guest-tpm.cpio.zst, hostile.cpio.zst]
    cmdline: console=hvc0 loglevel=5 domb.name=mallory
    xenstore: true
    console: true
    vtpm: vtpm
    after: [vtpm]
`;

export const deviceOf = (domid: number) => `/local/domain/${domid}/device/vtpm/0`;
export const servedOf = (domid: number, backend = VTPM_DOMID) =>
  `/local/domain/${backend}/backend/vtpm/${domid}/0`;

/** Shell commands for dom0: waits until the vTPM domain has let go of a guest's devices. */
export const untilNotServed = (domid: string) => `
tries=0
while xenstore-ls -f | grep -q "/backend/vtpm/${domid}" && [ $((tries += 1)) -le 60 ]; do sleep 0.2; done`;
