/**
 * How each command of the documentation is run, literally:
 * - `tree`: in a copy of the source tree, with the files that it names (`tree.ts`)
 * - `demo`: the same, and it boots
 * - `boot`: the same, after a boot: with its images and what it left, evidence among it
 * - `dom0`: by dom0's shell in that boot
 * - `firmware`: where a boot from firmware has left its log
 * - `proof`: in the tree, the demo through firmware first
 * - `evidence`: in a directory with evidence of that boot
 * - `elsewhere`: by the test file that `by` names, together with what stands around it
 * - `suite`: the suite itself, of which this test is a part
 * - `machine`: on a fresh machine only; it was done by hand
 */
export type Where =
  | 'tree'
  | 'demo'
  | 'boot'
  | 'dom0'
  | 'firmware'
  | 'proof'
  | 'evidence'
  | 'elsewhere'
  | 'suite'
  | 'machine';

export interface Documented {
  readonly command: string;
  readonly where: Where;
  /** What it shows; anything when left out. */
  readonly shows?: RegExp;
  /** How it ends; 0 when left out. */
  readonly status?: number;
  readonly by?: string;
}

const events = 'test/integration/cli/evidence.test.ts';
const debianDom0 = 'test/boot/debian.test.ts';
const installing = 'test/boot/installing.test.ts';
const launch = 'test/integration/vtpm/launch-commands.test.ts';
const verifier = 'test/integration/package/verifier.test.ts';
const debs = 'test/integration/package/debs.test.ts';
const sealing = 'test/integration/cli/sealing.test.ts';
const sealedBoot = 'test/boot/sealing.test.ts';
const lastingBoot = 'test/boot/vtpm-state.test.ts';

/** In the order in which they can be run. */
export const documented: readonly Documented[] = [
  // README.md
  { command: 'apt-get install npm', where: 'machine' },
  {
    command: 'npm run demo',
    where: 'demo',
    shows: /The platform came up, and nothing in the evidence is wrong/,
  },
  {
    command: 'npm run demo -- boot-configs/minimal.yaml',
    where: 'demo',
    shows: /nothing in the evidence is wrong/,
  },
  {
    command: 'npm run demo -- my.yaml --images DIRECTORY --memory 4GiB --cpus 2',
    where: 'demo',
    shows: /nothing in the evidence is wrong/,
  },
  {
    command: 'npm run domb -- verify out/demo/evidence --boot',
    where: 'demo',
    shows: /^NOT PROVEN: .*: nonce, key, items, launch-chain, dma$/m,
    status: 4,
  },
  {
    command: 'npm run demo -- --firmware',
    where: 'proof',
    shows: /The platform came up, and the evidence proves what booted/,
  },
  {
    command:
      'npm run domb -- verify out/demo/fresh-evidence --nonce $(cat out/demo/nonce) --enrolled out/demo/platform.enrolled --manifest boot-configs/firmware.yaml --images out/demo/images --policy out/demo/policy --efi out/demo/boot.efi --secure-boot /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd',
    where: 'proof',
    shows: /^PROVEN: what was expected is what booted$/m,
  },
  ...[
    'npm run demo -- --keep',
    'npm run demo -- --attach dom0',
    'npm run demo -- --attach xen',
    'npm run demo -- --stop',
  ].map((command): Documented => ({ command, where: 'elsewhere', by: 'test/boot/demo.test.ts' })),
  { command: 'npm run demo -- --help', where: 'tree', shows: /^ {2}--keep /m },
  { command: 'npm test', where: 'suite' },
  { command: 'npm run test:unit', where: 'suite' },
  { command: 'npm test -- test/unit/vtpm', where: 'tree', shows: /a response that does not fit/ },
  {
    command: "npm test -- --name 'full standard output'",
    where: 'tree',
    shows: /gives 1 and one line/,
  },
  { command: 'npm run domb -- help', where: 'tree', shows: /^ {2}validate /m },
  { command: 'sudo ln -s "$PWD/bin/domb" /usr/local/bin/domb', where: 'tree', shows: /^domb \d/m },
  {
    command: 'npm run domb -- validate my.yaml --images DIRECTORY',
    where: 'tree',
    shows: /^my.yaml: ok/m,
  },
  {
    command: 'npm run domb -- plan my.yaml --images DIRECTORY',
    where: 'tree',
    shows: /^ 3. read$/m,
  },
  {
    command: 'npm run domb -- policy explain my.yaml',
    where: 'tree',
    shows: /^Who has power over them$/m,
  },
  {
    command: 'npm run domb -- predict my.yaml --images DIRECTORY',
    where: 'tree',
    shows: /^ {2}sha256$/m,
  },
  {
    command: 'npm run image -- my.yaml --images DIRECTORY --output domb.initramfs',
    where: 'boot',
    shows: /^domb.initramfs: \d+\.\d MiB, sha256:/m,
  },
  {
    command:
      'npm run image -- my.yaml --images DIRECTORY --output BOOTX64.EFI --efi --efi-key db.key --efi-cert db.pem',
    where: 'boot',
    shows: /^PCR 4 when firmware starts it first: sha256:[0-9a-f]{64}$/m,
  },
  {
    command:
      'npm run domb -- verify evidence --nonce $NONCE --manifest my.yaml --images DIRECTORY --policy POLICY',
    where: 'boot',
    shows: /^NOT PROVEN: .*: key, launch-chain$/m,
    status: 4,
  },
  { command: 'npm run deb', where: 'elsewhere', by: debs },
  {
    command: 'npm run verifier',
    where: 'boot',
    shows: /^out\/domb-verify\.cjs: \d+ KiB of \d+ modules, sha256:[0-9a-f]{64}$/m,
  },
  { command: 'node domb-verify.cjs help', where: 'elsewhere', by: verifier },
  {
    command: 'npm run package',
    where: 'tree',
    shows: /^out\/node-tpm2-pts-\d+\.\d+\.\d+\.tgz: \d+ KiB, sha256:[0-9a-f]{64}$/m,
  },
  {
    command: 'tpm2_eventlog /run/domb/measurement.log',
    where: 'dom0',
    shows: /^ {2}sha256:\n( {4}12.*\n)? {4}13 *: 0x/m,
  },
  { command: 'tpm2_pcrread sha256:13', where: 'dom0', shows: /13: 0x[0-9A-F]{64}/ },

  // docs/dom0.md
  ...[
    'sudo systemd/install-dom0',
    'sudo update-initramfs -u',
    'systemctl status domb-receive.service',
  ].map((command): Documented => ({ command, where: 'elsewhere', by: debianDom0 })),

  // docs/installing.md, docs/operating.md, and what the manual page has of installing
  ...[
    'sudo apt install ./domb*.deb',
    'sudo domb install host.yaml --dry-run',
    'sudo reboot',
    'sudo domb uninstall',
    'sudo domb status',
    'sudo domb update',
    'domb install host.yaml --dry-run',
    'domb install host.yaml --xen-options "console=com1 com1=115200,8n1"',
    'domb update',
    'domb settle',
    'domb uninstall --yes',
    'domb status',
  ].map((command): Documented => ({ command, where: 'elsewhere', by: installing })),
  ...['sudo grub-set-default domb-RELEASE', 'domb list 3f0c3f9c-6a4b-4a52-9b43-4d7f6b9bb3a1'].map(
    (command): Documented => ({ command, where: 'machine' }),
  ),
  {
    command: 'sudo domb install host.yaml --efi --efi-key db.key --efi-cert db.pem',
    where: 'machine',
  },
  {
    command: 'sudo apt purge domb-boot domb-dom0 domb-xen domb domb-node',
    where: 'machine',
  },

  // docs/command-line.md
  { command: 'man ./docs/man/domb.1', where: 'tree', shows: /EXIT STATUS/ },
  // docs/manifest.md
  { command: 'domb schema --version 1', where: 'tree', shows: /urn:domb:manifest:1/ },

  {
    command: 'echo 1 > /sys/devices/system/cpu/cpu1/online',
    where: 'elsewhere',
    by: 'platform/images/guest/init',
  },

  // docs/development.md
  { command: 'npm run generate', where: 'tree', shows: /layout\.json: \d+ bytes/ },
  { command: 'npm run check', where: 'suite' },

  // docs/verifying.md
  {
    command: 'openssl verify -auth_level 2',
    where: 'elsewhere',
    by: 'test/integration/measurement/ek-chain-openssl.test.ts',
  },
  { command: 'openssl rand -hex 32', where: 'tree', shows: /^[0-9a-f]{64}$/m },
  {
    command: 'domb quote --nonce $NONCE --output evidence',
    where: 'dom0',
    shows: /^evidence: PCR 0 to 7/m,
  },
  {
    command: 'cat measurement.log boot.log | sha256sum',
    where: 'evidence',
    shows: /^[0-9a-f]{64}/,
  },
  {
    command:
      'domb verify evidence --nonce $NONCE --manifest platform.yaml --images images --policy policy',
    where: 'boot',
    shows: /^NOT PROVEN: .*: key, launch-chain$/m,
    status: 4,
  },
  {
    command:
      'domb verify evidence --nonce $NONCE --manifest platform.yaml --images images --policy policy --waive key,launch-chain',
    where: 'boot',
    shows: /^PROVEN, with what was waived: key, launch-chain$/m,
  },
  {
    command: 'domb predict platform.yaml --images images --reference-out platform.reference',
    where: 'boot',
  },
  {
    command:
      'openssl pkeyutl -sign -rawin -inkey key.pem -in platform.reference -out platform.reference.sig',
    where: 'boot',
  },
  {
    command: 'domb verify evidence --nonce $NONCE --reference platform.reference --key public.pem',
    where: 'boot',
    shows: /^NOT PROVEN: .*: key, launch-chain$/m,
    status: 4,
  },
  {
    command:
      'domb predict platform.yaml --images images --efi boot.efi --secure-boot OVMF_VARS_4M.snakeoil.fd',
    where: 'elsewhere',
    by: 'test/integration/cli/secure-boot.test.ts',
  },
  ...[
    'domb reference --learn evidence --nonce $NONCE --ak ak.pub --output machine.firmware',
    'openssl pkeyutl -sign -rawin -inkey key.pem -in machine.firmware -out machine.firmware.sig',
    'domb reference --learn evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --ak ak.pub -o machine.firmware',
    'domb verify evidence --nonce $NONCE --reference platform.reference --firmware-reference machine.firmware --key public.pem',
  ].map(
    (command): Documented => ({
      ...{ command, where: 'elsewhere' },
      by: 'test/integration/cli/firmware-reference.test.ts',
    }),
  ),
  {
    command:
      'domb verify evidence --nonce $NONCE --reference platform.reference --key public.pem --ear key.pem --ear-out result.jwt',
    where: 'boot',
    shows: /^NOT PROVEN: /m,
    status: 4,
  },
  // docs/keylime.md
  {
    command:
      'domb export --for keylime evidence --nonce $NONCE --reference platform.reference --key public.pem -o request.json',
    where: 'boot',
    shows: /^compared with nothing: PCR /m,
  },
  {
    command:
      'node out/domb-verify.cjs verify evidence --nonce $NONCE --reference platform.reference --key public.pem',
    where: 'boot',
    shows: /^NOT PROVEN: .*: key, launch-chain$/m,
    status: 4,
  },
  {
    command: 'tpm2_checkquote -u ak.pub -m quote.attest -s quote.signature -f quote.pcrs -q $NONCE',
    where: 'evidence',
    shows: /pcrs:/,
  },
  {
    command: 'cat measurement.log boot.log | sha256sum | cut -c -64',
    where: 'evidence',
    shows: /^[0-9a-f]{64}\n$/,
  },
  { command: 'tpm2_print -t TPM2B_PUBLIC ak.pub', where: 'evidence', shows: /restricted/ },
  { command: 'tpm2_eventlog measurement.log', where: 'evidence', shows: /EV_SEPARATOR/ },
  { command: 'printf %s DATA_IN_HEX | xxd -r -p | sha256sum', where: 'elsewhere', by: events },
  {
    command: `start=$(grep -abom1 '{"configuration":' measurement.log | head -n 1 | cut -d : -f 1)`,
    where: 'elsewhere',
    by: events,
  },
  {
    command: 'tail -c +$((start - 7)) measurement.log | head -c EVENT_SIZE | sha256sum',
    where: 'elsewhere',
    by: events,
  },
  {
    command: 'echo 000b$(tail -c +3 ak.pub | sha256sum | cut -c -64)',
    where: 'evidence',
    shows: /^000b[0-9a-f]{64}\n$/,
  },
  ...[
    'head -c -192 measurement.log > before.log',
    'head -c -192 boot.log > before-boot.log',
    'cat before.log before-boot.log | sha256sum | cut -c -64 > before',
  ].map((command): Documented => ({ command, where: 'evidence' })),
  ...[
    'tpm2_checkquote -u ak.pub -m boot-key.attest -s boot-key.signature -q $(cat before)',
    'tpm2_checkquote -u boot-key.pub -m boot-quote.attest -s boot-quote.signature -q $(cat before)',
  ].map((command): Documented => ({ command, where: 'evidence', shows: /^sig: / })),
  {
    command: 'tail -c 72 boot-key.attest | xxd -p -c 36',
    where: 'evidence',
    shows: /^(0022000b[0-9a-f]{64}\n){2}$/,
  },
  ...[
    'echo 0022000b$(tail -c +3 boot-key.pub | sha256sum | cut -c -64)',
    'echo 0022000b$(echo 40000007000b$(tail -c +3 boot-key.pub | sha256sum | cut -c -64) | xxd -r -p | sha256sum | cut -c -64)',
  ].map((command): Documented => ({ command, where: 'evidence', shows: /^0022000b/ })),
  {
    command: 'tpm2_print -t TPM2B_PUBLIC boot-key.pub',
    where: 'evidence',
    shows: /value: fixedtpm\|fixedparent\|sensitivedataorigin\|noda\|restricted\|sign$/m,
  },
  { command: 'tpm2_eventlog before.log', where: 'evidence', shows: /^ {4}13 : 0x/m },
  { command: 'tpm2_eventlog before-boot.log', where: 'evidence', shows: /^ {4}12 : 0x/m },
  {
    command: 'tpm2_print -t TPMS_ATTEST boot-quote.attest',
    where: 'evidence',
    shows: /pcrSelect: ff3000/,
  },
  ...[
    'digest=$(printf %s VALUES_IN_HEX | xxd -r -p | sha256sum | cut -c -64)',
    'printf %064d0000017f00000001000b03ff3000$digest 0 | xxd -r -p | sha256sum',
  ].map(
    (command): Documented => ({
      command,
      where: 'elsewhere',
      by: 'test/integration/measurement/boot-quote.test.ts',
    }),
  ),
  {
    command: 'xxd -p -s 84 -l 8 boot-key.attest',
    where: 'evidence',
    shows: /^[0-9a-f]{16}\n$/,
  },
  { command: 'tpm2_print -t TPMS_ATTEST quote.attest', where: 'evidence', shows: /resetCount: / },
  ...[
    'openssl x509 -inform der -in ek.der -out ek.crt',
    'openssl verify -CAfile root.pem -untrusted intermediate.pem ek.crt',
    'openssl x509 -in ek.crt -pubkey -noout > ek.pem',
    'openssl rand 32 > secret',
    'tpm2_makecredential -T none -G rsa -u ek.pem -s secret -o credential -n 000b$(tail -c +3 ak.pub | sha256sum | cut -c -64)',
    'tpm2_createek -c ek.ctx -G rsa -u ek.pub',
    `tpm2_createprimary -C e -g sha256 -G ecc256:ecdsa-sha256:null -c ak.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign'`,
    'tpm2_startauthsession --policy-session -S session.ctx',
    'tpm2_policysecret -S session.ctx -c e',
    'tpm2_activatecredential -c ak.ctx -C ek.ctx -P session:session.ctx -i credential -o answer',
    'tpm2_flushcontext session.ctx',
  ].map(
    (command): Documented => ({
      command,
      where: 'elsewhere',
      by: 'test/integration/measurement/ek-chain.test.ts',
    }),
  ),

  ...[
    'domb enroll challenge evidence --ek-roots manufacturers.pem',
    'domb enroll answer challenge',
    'domb enroll check answer',
    'domb enroll persist --endorsement-auth endorsement.auth --owner-auth owner.auth',
    'domb verify evidence --nonce $NONCE --reference platform.reference --key public.pem --enrolled platform.enrolled',
  ].map(
    (command): Documented => ({
      command,
      where: 'elsewhere',
      by: 'test/integration/cli/enroll.test.ts',
    }),
  ),

  // docs/sealing.md
  ...[
    'openssl genpkey -algorithm ed25519 -out key.pem',
    'openssl pkey -in key.pem -pubout -out public.pem',
    'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out approval.pem',
    'openssl pkey -in approval.pem -pubout -out approver.pem',
    'domb image this.yaml --images images -o this.efi --efi --efi-key db.key --efi-cert db.pem',
    'domb predict this.yaml --images images --efi this.efi --secure-boot efivars --reference-out this.reference',
    'openssl pkeyutl -sign -rawin -inkey key.pem -in this.reference -out this.reference.sig',
    'cryptsetup luksFormat /dev/nvme0n1',
    'head -c 32 /dev/urandom > /run/disk-secret',
    'domb seal --reference this.reference --key public.pem --signed-by approver.pem --secret /run/disk-secret -o /boot/disk-key',
    'cryptsetup luksAddKey --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/nvme0n1 /run/disk-secret',
    'rm /run/disk-secret',
    'domb unseal /boot/disk-key | cryptsetup open --key-file - /dev/nvme0n1 data',
    'domb image next.yaml --images images -o next.efi --efi --efi-key db.key --efi-cert db.pem',
    'domb predict next.yaml --images images --efi next.efi --secure-boot efivars --reference-out next.reference',
    'openssl pkeyutl -sign -rawin -inkey key.pem -in next.reference -out next.reference.sig',
    'domb approve --reference next.reference --key public.pem --sign-with approval.pem -o next.approval',
    'domb unseal /boot/disk-key | domb seal --reference this.reference,next.reference --key public.pem -o /boot/next-key',
    'cryptsetup open /dev/nvme0n1 data',
    'cryptsetup luksDump /dev/nvme0n1',
    'cryptsetup luksKillSlot /dev/nvme0n1 1',
  ].map((command): Documented => ({ command, where: 'elsewhere', by: sealedBoot })),
  ...[
    `{ printf '\\040\\0'; head -c 128 /dev/zero; printf '\\040\\0'; head -c 128 /dev/zero; } > unique`,
    `tpm2_createprimary -C o -g sha256 -G ecc -u unique -c srk.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'`,
    'tpm2_load -C srk.ctx -u sealed/sealed.pub -r sealed/sealed.priv -c sealed.ctx',
    'tpm2_unseal -c sealed.ctx -p pcr:sha256:4,7,13',
    'tpm2_startauthsession -S session.ctx',
    'tpm2_policypcr -S session.ctx -l $(domb predict this.yaml --images images --efi this.efi --secure-boot efivars --pcr-file pcrs) -f pcrs -L policy',
    'tpm2_flushcontext session.ctx',
    'tpm2_print -t TPM2B_PUBLIC sealed/sealed.pub',
  ].map((command): Documented => ({ command, where: 'elsewhere', by: sealing })),

  // The examples of the manual page
  { command: 'domb validate platform.yaml', where: 'tree', shows: /^platform.yaml: ok/ },
  {
    command: 'make-manifest | domb validate --images images -',
    where: 'tree',
    shows: /^<stdin>: ok/,
  },
  {
    command:
      'openssl pkeyutl -sign -rawin -inkey key.pem -in p.yaml -out p.yaml.sig; domb validate --key public.pem p.yaml',
    where: 'tree',
    shows: /^p.yaml: ok/,
  },
  { command: 'domb validate --quiet *.yaml', where: 'tree', shows: /^$/ },
  { command: 'domb plan platform.yaml', where: 'tree', shows: /create dom0/ },
  { command: 'domb policy check platform.yaml', where: 'tree', shows: /^platform.yaml: ok, / },
  // docs/channels.md
  {
    command: 'domb policy build platform/policy/optional/channels -o channels.policy',
    where: 'tree',
  },
  ...['domb channels', 'domb channels client:1=spare:100'].map(
    (command): Documented => ({ command, where: 'elsewhere', by: 'test/boot/channels.test.ts' }),
  ),
  // docs/vtpm-state.md
  ...[
    'domb approve --vtpm-state --reference this.reference --key public.pem --sign-with approval.pem -o this.vtpm',
    'domb approve --vtpm-state --reference next.reference --key public.pem --sign-with approval.pem -o next.vtpm',
  ].map((command): Documented => ({ command, where: 'elsewhere', by: sealing })),
  ...[
    'domb vtpm-state setup this.vtpm',
    'domb vtpm-state setup next.vtpm',
    'domb vtpm-state serve',
    'domb vtpm-state reset ledger',
  ].map((command): Documented => ({ command, where: 'elsewhere', by: lastingBoot })),
  // docs/performance.md
  ...[
    'npm run bench',
    'npm run bench -- boot',
    'npm run bench -- profile',
    'npm run bench -- manifest',
  ].map((command): Documented => ({ command, where: 'machine' })),
  // docs/flask-price.md
  { command: 'node bench/flask-price.ts bench/flask/hardware-domain.patch', where: 'machine' },
  // docs/boot-scripts.md
  {
    command: 'domb policy build platform/policy/optional/delegation -o delegation.policy',
    where: 'tree',
  },
  // docs/own-types.md
  ...[
    'domb policy build policy.d -o till.policy',
    'domb validate shop.yaml --policy till.policy',
    'domb policy check shop.yaml --policy till.policy',
  ].map(
    (command): Documented => ({
      command,
      where: 'elsewhere',
      by: 'test/integration/cli/policy-build.test.ts',
    }),
  ),
  {
    command: 'domb policy check platform.yaml --policy policy',
    where: 'boot',
    shows: /^platform.yaml: ok, /,
  },
  {
    command: 'domb policy explain platform.yaml',
    where: 'tree',
    shows: /^dom0 \(dom0_t\) may$/m,
  },
  {
    command: 'domb policy explain platform.yaml --flows --weight 1',
    where: 'tree',
    shows: /^from vtpm, to$/m,
  },
  {
    command: 'domb policy explain platform.yaml --mermaid > domains.mmd',
    where: 'tree',
    shows: /^$/,
  },
  {
    command: 'domb policy why dom0_t vtpm_t read memory',
    where: 'tree',
    shows: /^no: read memory, .*platform\/policy\/modules\/assertions.te:\d+/s,
  },
  {
    command: 'domb policy why dom0 vtpm domain:getdomaininfo --manifest platform.yaml',
    where: 'tree',
    shows: /^yes: /,
  },
  {
    command: 'seinfoflow -p policy -m platform/policy/perm_map -s domU_t -t vtpm_t -S -w 6',
    where: 'boot',
    shows: /Step 1: domU_t -> vtpm_t/,
  },
  {
    command: 'xl dmesg | domb policy from-denials -',
    where: 'elsewhere',
    by: 'test/integration/cli/policy.test.ts',
  },
  {
    command: 'domb policy from-denials out/demo/console.log',
    where: 'demo',
    shows: /^There is no refusal in this console.$/m,
  },
  {
    command: 'diff <(domb plan old.yaml) <(domb plan new.yaml)',
    where: 'tree',
    status: 1,
    shows: /^[<>] .*create vtpm/m,
  },
  {
    command: 'domb image platform.yaml --images images -o domb.initramfs',
    where: 'boot',
    shows: /^domb.initramfs: /,
  },
  {
    command:
      'domb image platform.yaml --images images -o boot.efi --efi --efi-key db.key --efi-cert db.pem --xen-options "console=com1 com1=115200,8n1"',
    where: 'boot',
    shows: /^PCR 4 when /m,
  },
  {
    command:
      "for index in $(tpm2_getcap handles-nv-index | grep -o '0x1400D..'); do tpm2_nvread $index; done > launch.log",
    where: 'elsewhere',
    by: launch,
  },
  { command: 'tpm2_eventlog launch.log', where: 'elsewhere', by: launch },
  {
    command:
      "tpm2_createprimary -C e -G ecc:ecdsa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign'",
    where: 'elsewhere',
    by: launch,
  },
  { command: 'tpm2_getekcertificate -o ek.der', where: 'elsewhere', by: launch },
  { command: 'tpm2_nvread 0x1400C00 > authority.der', where: 'elsewhere', by: launch },
  {
    command: 'openssl x509 -inform der -in ek.der -out ek.pem',
    where: 'elsewhere',
    by: launch,
  },
  {
    command: 'openssl x509 -inform der -in authority.der -out authority.pem',
    where: 'elsewhere',
    by: launch,
  },
  { command: 'openssl verify -CAfile authority.pem ek.pem', where: 'elsewhere', by: launch },
  { command: 'openssl x509 -in ek.pem -noout -text', where: 'elsewhere', by: launch },
  { command: 'tpm2_pcrread sha256:8,9', where: 'elsewhere', by: launch },
  { command: 'mkdir -p guest', where: 'elsewhere', by: launch },
  { command: 'tpm2_nvread 0x1400C01 > guest/ak.der', where: 'elsewhere', by: launch },
  {
    command: 'tpm2_readpublic -c 0x8101D0B0 -f tss -o guest/ak.pub',
    where: 'elsewhere',
    by: launch,
  },
  {
    command:
      'tpm2_quote -c 0x8101D0B0 -l sha256:0,1,2,3,4,5,6,7,8,9 -q $NONCE -m guest/quote.attest -s guest/quote.signature -o guest/quote.pcrs',
    where: 'elsewhere',
    by: launch,
  },
  {
    command:
      'domb verify evidence --nonce $NONCE --manifest vtpm.yaml --images images --no-policy --guest guest --guest-name ledger',
    where: 'elsewhere',
    by: launch,
  },
  {
    command: 'domb verify --nonce $NONCE --guest guest --guest-name ledger',
    where: 'elsewhere',
    by: launch,
  },
  {
    command: 'domb predict vtpm.yaml --images images --guest ledger --uuid $UUID',
    where: 'elsewhere',
    by: launch,
  },
  {
    command: 'domb predict vtpm.yaml --images images --guest ledger',
    where: 'elsewhere',
    by: launch,
  },
  {
    command: 'domb predict platform.yaml --images images --banks sha256',
    where: 'tree',
    shows: /^ {2}sha256\n {4}13 {2}[0-9a-f]{64}$/m,
  },
  {
    command:
      'domb try-script boot-configs/permissions.yaml --images boot-configs/scripts --host boot-configs/host-facts.json',
    where: 'tree',
    shows: /^ {2}worker: memoryKiB 98304 -> 1048576$/m,
  },
  { command: 'domb timeline', where: 'dom0', shows: /measure/ },
  {
    command: 'domb timeline out/demo/timeline.json --svg > boot.svg',
    where: 'demo',
    shows: /^$/,
  },
  { command: 'domb log', where: 'dom0', shows: /^PCR 13 after \d+ events$/m },
  {
    command: 'domb log /sys/kernel/security/tpm0/binary_bios_measurements',
    where: 'firmware',
    shows: /EV_EFI_BOOT_SERVICES_APPLICATION/,
  },
  {
    command: 'domb quote --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 -o evidence',
    where: 'dom0',
    shows: /^evidence: PCR 0 to 7/m,
  },
  {
    command:
      'domb predict p.yaml --images images --reference-out p.reference && openssl pkeyutl -sign -rawin -inkey key.pem -in p.reference -out p.reference.sig',
    where: 'boot',
  },
  {
    command: 'domb predict --reference p.reference --key public.pem',
    where: 'boot',
    shows: /^ {2}sha256\n {4}13 {2}[0-9a-f]{64}$/m,
  },
  {
    command:
      'domb verify evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --manifest p.yaml --images images --policy policy',
    where: 'boot',
    shows: /^NOT PROVEN: .*: key, launch-chain$/m,
    status: 4,
  },
  {
    command:
      'domb verify evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --reference p.reference --key public.pem --ak ak.pub',
    where: 'boot',
    shows: /^NOT PROVEN: .*: launch-chain$/m,
    status: 4,
  },
  {
    command:
      'domb verify evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --reference p.reference --key public.pem --ear key.pem --ear-out result.jwt',
    where: 'boot',
    shows: /^NOT PROVEN: /m,
    status: 4,
  },
  {
    command: 'domb verify /run/domb --boot',
    where: 'dom0',
    shows: /^NOT PROVEN: .*: nonce, key, items, launch-chain$/m,
    status: 4,
  },
  {
    command:
      'domb export --for keylime evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --reference p.reference --key public.pem -o request.json',
    where: 'boot',
    shows: /^compared with nothing: PCR /m,
  },
  { command: 'domb watch', where: 'elsewhere', by: debianDom0 },
  { command: 'domb introduce', where: 'dom0', shows: /^vtpm \(domain \d+\) /m },
  { command: 'domb explain', where: 'tree', shows: /^ {2}version /m },
  { command: 'domb explain domains.seclabel', where: 'tree', shows: /^domains\[\]\.seclabel\n/ },
  { command: 'domb schema > manifest.schema.json', where: 'tree', shows: /^$/ },
  { command: 'source <(domb completion bash)', where: 'tree', shows: /^$/ },
  { command: 'domb completion zsh > ~/.zfunc/_domb', where: 'tree', shows: /^$/ },
  { command: 'domb help validate', where: 'tree', shows: /^Usage: domb validate/m },
];

/** Blocks of code that show what comes out, by the page and their beginning. */
export const outputs: readonly { page: string; begins: string }[] = [
  { page: 'README.md', begins: 'What came up (xl list -Z in dom0)' },
  { page: 'docs/verifying.md', begins: 'ok           key: the enrolled one' },
  { page: 'docs/verifying.md', begins: 'ok           evidence: quote' },
  { page: 'docs/architecture.md', begins: 'domb:   9.512 phase' },
  { page: 'docs/boot-scripts.md', begins: 'FAILED: phase "before planning"' },
  { page: 'docs/boot-scripts.md', begins: 'changed      by script' },
  { page: 'docs/boot-scripts.md', begins: 'seen         by script' },
  { page: 'docs/measurement-log.md', begins: '01 6d 6f 64' },
  { page: 'docs/policy.md', begins: 'Who has power over them' },
  { page: 'docs/vtpm.md', begins: 'ok           guest: quote' },
  { page: 'docs/policy.md', begins: 'no: read memory, dom0_t to vtpm_t' },
  { page: 'docs/measurement-log.md', begins: 'f2513b7385c7' },
];

/** The nonce that stands in the examples; in the pages it is `$NONCE`. */
export const NONCE = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';

/** What the test file `by` runs, in the order of the documentation. */
export const commandsBy = (by: string): string[] =>
  documented.filter((each) => each.by === by).map(({ command }) => command);

export const commandsIn = (where: Where): Documented[] =>
  documented.filter((each) => each.where === where);
