/** Guests, and dom0, that show their TPM to others. */
/** The guests that show their TPM to others, with their domids. */
export const shown = { ledger: 1, signer: 2 } as const;
export const NONCE = '00112233445566778899aabbccddeeff';

/** Has a guest quote, and tell its evidence on its console. */
export const prove = (name: string, domid: number) => `
log=/var/log/xen/console/guest-${name}.log
lines=$(wc -l <$log)
echo 'prove ${NONCE}' >$(xenstore-read /local/domain/${domid}/console/tty)
tries=0
until grep -q 'guest ${name}: proved' $log || [ $((tries += 1)) -gt 240 ]; do sleep 0.5; done
tail -n +$((lines + 1)) $log`;

/** dom0 uses the TPM that the vTPM domain serves to it, beside that of the machine, and quotes as a guest does. */
export const ownTpm = `
# What this kernel has already does not load again.
while read -r module; do insmod "$module" 2>/dev/null; done </etc/tpm-modules
/usr/lib/domb/tpmfront >/run/tpmfront.log 2>&1 &
tries=0
until [ -e /dev/tpmrm1 ] || [ $((tries += 1)) -gt 240 ]; do sleep 0.5; done
cat /run/tpmfront.log
ls /dev/tpm*
mkdir -p /run/own && cd /run/own
export TPM2TOOLS_TCTI=device:/dev/tpmrm1
again() { for try in 1 2 3 4 5; do "$@" && return; sleep 5; done; }
again tpm2 getekcertificate -o ek.der
again tpm2 nvread 0x1400C01 >ak.der
again tpm2 readpublic -c 0x8101D0B0 -f tss -o ak.pub
again tpm2 quote -c 0x8101D0B0 -l sha256:0,1,2,3,4,5,6,7,8,9 -q ${NONCE} -m quote.attest -s quote.signature -o quote.pcrs`;
