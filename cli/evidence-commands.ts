import type { Command, Option } from './command.ts';

const json: Option = { name: 'json', says: 'Write JSON to standard output, for programs.' };
const nonce: Option = {
  name: 'nonce',
  value: 'HEX',
  says: "The verifier's nonce: 1 to 64 bytes, fresh and random, 32 are good.",
};

const policy: Option = {
  name: 'policy',
  value: 'FILE',
  says: 'The boot image holds this FLASK policy; ours when left out, as with "domb image".',
  completes: 'files',
};

const noPolicy: Option = { name: 'no-policy', says: 'The boot image holds no FLASK policy.' };

/** Commands about what was or will be measured. */
export const evidenceCommands: readonly Command[] = [
  {
    name: 'predict',
    summary: 'say what a boot will measure, without a TPM',
    description: [
      'Computes the events and the exact PCR values that a manifest and its images will give, in every bank. The manifest ' +
        'is checked as "domb validate --images" does.',
      'With --efi it predicts PCR 4 too, for firmware that starts that EFI file first.',
      'With --reference-out it writes what a verifier needs to judge evidence without having the images. Sign that file.',
    ],
    arguments: [
      { name: 'MANIFEST', says: 'A manifest; "-" is standard input.', completes: 'files' },
    ],
    options: [
      {
        name: 'images',
        value: 'DIR',
        says: 'The images are below DIR.',
        completes: 'directories',
      },
      {
        name: 'efi',
        value: 'FILE',
        says: 'The EFI file that firmware starts, as "domb image --efi" makes it.',
        completes: 'files',
      },
      {
        name: 'banks',
        value: 'LIST',
        says: 'PCR banks, separated by commas. When left out: those that the manifest demands (platform.measurement.banks), else sha1,sha256,sha384,sha512.',
      },
      {
        name: 'reference-out',
        value: 'FILE',
        says: 'Write a reference for "domb verify" to FILE.',
        completes: 'files',
      },
      policy,
      noPolicy,
      {
        name: 'key',
        value: 'FILE',
        says: 'The boot image holds this public key; refuse a manifest without a right signature under it.',
        completes: 'files',
      },
      { name: 'pcrlock', says: 'Write a .pcrlock file for systemd-pcrlock to standard output.' },
      json,
    ],
    examples: [
      {
        says: 'The value to expect',
        command: 'domb predict platform.yaml --images /srv/images --banks sha256',
      },
      {
        says: 'A signed reference for verifiers',
        command:
          'domb predict p.yaml --images /srv/images --reference-out p.reference && ' +
          'openssl pkeyutl -sign -rawin -inkey key.pem -in p.reference -out p.reference.sig',
      },
    ],
    load: () => import('./predict.ts'),
  },
  {
    name: 'log',
    summary: 'show what was measured',
    description: [
      "Shows a measurement log and the PCR values that it gives: domB's, which is checked to the last bit, or any other " +
        "crypto-agile log such as the firmware's. Whether a log is true, only a comparison with a TPM can say.",
    ],
    arguments: [
      {
        name: 'FILE',
        says: 'The log; what domB handed over when left out; "-" is standard input.',
        optional: true,
        completes: 'files',
      },
    ],
    options: [json],
    examples: [
      { says: 'What domB measured, in dom0', command: 'domb log' },
      {
        says: 'What the firmware measured',
        command: 'domb log /sys/kernel/security/tpm0/binary_bios_measurements',
      },
    ],
    load: () => import('./log.ts'),
  },
  {
    name: 'quote',
    summary: 'make fresh evidence in dom0',
    description: [
      "Has the TPM quote the firmware's PCRs and those of domB's logs with a verifier's nonce, and writes quote, key and " +
        'logs into a directory for "domb verify" or tpm2-tools.',
    ],
    arguments: [],
    options: [
      nonce,
      {
        name: 'output',
        short: 'o',
        value: 'DIR',
        says: 'Write into DIR; "evidence" when left out.',
        completes: 'directories',
      },
      {
        name: 'logs',
        value: 'DIR',
        says: 'Take the logs from DIR; /run/domb when left out.',
        completes: 'directories',
      },
      {
        name: 'device',
        value: 'TPM',
        says: 'A device, unix:PATH or tcp:HOST:PORT; /dev/tpmrm0 when left out.',
        completes: 'files',
      },
    ],
    examples: [
      {
        says: 'Evidence for a verifier who sent this nonce',
        command: 'domb quote --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 -o evidence',
      },
    ],
    load: () => import('./quote.ts'),
  },
  {
    name: 'verify',
    summary: 'judge the evidence of a boot',
    description: [
      'Judges evidence without a TPM and without trusting where it came from: the signature and nonce of the quote, the ' +
        'logs against the quoted PCR values, then each measured item against what is expected. It says what is wrong and ' +
        'what it did not check, and ends with 3 when anything is wrong.',
      'What is expected comes from a manifest with its images, or from a signed reference that "domb predict" made. The ' +
        'reference is signed like a manifest, with .sig added to its name.',
    ],
    arguments: [
      {
        name: 'EVIDENCE',
        says: 'A directory as "domb quote" writes it, or what domB handed over.',
        completes: 'files',
      },
    ],
    options: [
      nonce,
      {
        name: 'boot',
        says: 'Judge the quote that domB took before it handed over; it has no nonce.',
      },
      {
        name: 'manifest',
        value: 'FILE',
        says: 'Expect what this manifest gives.',
        completes: 'files',
      },
      {
        name: 'images',
        value: 'DIR',
        says: 'The images are below DIR.',
        completes: 'directories',
      },
      policy,
      noPolicy,
      {
        name: 'efi',
        value: 'FILE',
        says: 'Expect that firmware started this EFI file: PCR 4.',
        completes: 'files',
      },
      {
        name: 'reference',
        value: 'FILE',
        says: 'Expect what this reference says.',
        completes: 'files',
      },
      {
        name: 'key',
        value: 'FILE',
        says: 'The public key that manifest or reference must be signed with.',
        completes: 'files',
      },
      { name: 'allow-unsigned', says: 'Trust the reference file without a signature.' },
      { name: 'pcr', value: 'N', says: 'The measured PCR, where nothing else tells; 13.' },
      {
        name: 'boot-pcr',
        value: 'N',
        says: 'The PCR of what differs at each boot, where nothing else tells; 12.',
      },
      {
        name: 'ak',
        value: 'FILE',
        says: 'The ak.pub that must have made the quote, known from enrolment.',
        completes: 'files',
      },
      {
        name: 'ek-roots',
        value: 'FILE',
        says: "Certificates of TPM manufacturers: the endorsement key's must be issued under one of them.",
        completes: 'files',
      },
      json,
    ],
    examples: [
      {
        says: 'With the images at hand',
        command:
          'domb verify evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --manifest p.yaml --images /srv/images',
      },
      {
        says: 'With a signed reference, and the key that was enrolled',
        command:
          'domb verify evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --reference p.reference --key public.pem --ak ak.pub',
      },
      { says: 'The quote that domB took itself, in dom0', command: 'domb verify /run/domb --boot' },
    ],
    load: () => import('./verify.ts'),
  },
];
