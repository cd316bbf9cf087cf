import { gaps } from '../measurement/evidence/verdict.ts';
import type { Command, Option } from './command.ts';
import { endorsementAuth } from './hierarchy-options.ts';

const json: Option = { name: 'json', says: 'Write JSON to standard output, for programs.' };
const nonce: Option = {
  name: 'nonce',
  value: 'HEX',
  says: "The verifier's nonce: 1 to 64 bytes, fresh and random, 32 are good.",
};

/** Which key must have made the quote. */
const quotingKey: readonly Option[] = [
  {
    name: 'ak',
    value: 'FILE',
    says: 'The ak.pub that must have made the quote, known from enrolment.',
    completes: 'files',
  },
  {
    name: 'enrolled',
    value: 'FILE',
    says: 'The same, from the file that "domb enroll check" wrote.',
    completes: 'files',
  },
];

const allowUnsigned: Option = {
  name: 'allow-unsigned',
  says: 'Trust the reference file without a signature.',
};

export const policy: Option = {
  name: 'policy',
  value: 'FILE',
  says: 'The boot image holds this FLASK policy; ours when left out, as with "domb image".',
  completes: 'files',
};

export const noPolicy: Option = {
  name: 'no-policy',
  says: 'The boot image holds no FLASK policy.',
};

export const signedKey: Option = {
  name: 'key',
  value: 'FILE',
  says: 'The boot image holds this public key; refuse a manifest without a right signature under it.',
  completes: 'files',
};

export const without: Option = {
  name: 'without',
  value: 'GAPS',
  says: 'Leave these gaps open: launch-chain (PCR 4 is not compared), secure-boot (PCR 7); with commas.',
  completes: ['launch-chain', 'secure-boot'],
};

export const secureBootSource: Option = {
  name: 'secure-boot',
  value: 'SOURCE',
  says:
    "The machine's Secure Boot variables, for PCR 7: an .fd file of OVMF, a directory like /sys/firmware/efi/efivars, or one with " +
    'PK.esl, KEK.esl, db.esl and dbx.esl; "none" where there are no keys and Secure Boot is off.',
  completes: 'files',
};

/** Of `domb verify`: the verdict for others. */
const resultOptions: readonly Option[] = [
  {
    name: 'ear',
    value: 'KEY',
    says:
      'Write the verdict as a signed attestation result (EAR, a JWT), under this private key in PEM form: ECDSA on P-256 or P-384, or Ed25519. ' +
      'It takes the place of the text.',
    completes: 'files',
  },
  {
    name: 'ear-out',
    value: 'FILE',
    says: 'Write the attestation result to FILE, and the text as well.',
    completes: 'files',
  },
  {
    name: 'ear-profile',
    value: 'NAME',
    says: "How its claims are called: as Veraison's libraries read them (veraison), or as the IETF's draft has them from version 03 on (ietf); veraison.",
    completes: ['veraison', 'ietf'],
  },
];

/** Commands about what was or will be measured. */
export const evidenceCommands: readonly Command[] = [
  {
    name: 'predict',
    summary: 'say what a boot will measure, without a TPM',
    description: [
      'Computes the events and the exact PCR values that a manifest and its images will give, in every bank. The manifest ' +
        'is checked as "domb validate --images" does.',
      'With --efi it predicts PCR 4 too, for firmware that starts that EFI file first; with --secure-boot also PCR 7, from the keys ' +
        'that the machine has and the one that the file is signed with.',
      'With --reference-out it writes what a verifier needs to judge evidence without having the images. Sign that file.',
      "With --guest it predicts what the TPM of a guest with a vTPM holds when the guest starts: PCR 8, and with the guest's --uuid PCR 9.",
    ],
    arguments: [
      {
        name: 'MANIFEST',
        says: 'A manifest; "-" is standard input.',
        optional: true,
        completes: 'files',
      },
    ],
    options: [
      {
        name: 'images',
        value: 'DIR',
        says: 'The images are below DIR.',
        completes: 'directories',
      },
      {
        name: 'reference',
        value: 'FILE',
        says: 'Show what this reference expects, instead of a manifest; with --key or --allow-unsigned, as "domb verify" takes it.',
        completes: 'files',
      },
      allowUnsigned,
      {
        name: 'efi',
        value: 'FILE',
        says: 'The EFI file that firmware starts, as "domb image --efi" makes it.',
        completes: 'files',
      },
      secureBootSource,
      { name: 'guest', value: 'NAME', says: "Predict the guest's own TPM." },
      {
        name: 'uuid',
        value: 'UUID',
        says: 'The UUID that the guest has in one boot, as /sys/hypervisor/uuid there says it; only with --guest.',
      },
      {
        name: 'banks',
        value: 'LIST',
        says: 'PCR banks, separated by commas. When left out: those that the manifest demands (platform.measurement.banks), else sha1,sha256,sha384,sha512; of a reference those that it has values in.',
      },
      {
        name: 'reference-out',
        value: 'FILE',
        says: 'Write a reference for "domb verify" to FILE.',
        completes: 'files',
      },
      policy,
      noPolicy,
      signedKey,
      {
        name: 'pcrlock',
        says: 'Write a .pcrlock file for systemd-pcrlock to standard output; only with PCR 4 (--efi).',
      },
      {
        name: 'pcr-file',
        value: 'FILE',
        says: 'Write the values of the whole chain to FILE, for "tpm2_policypcr -f", and what its -l takes to standard output; bank sha256 when --banks is left out. Only with PCR 4 (--efi).',
        completes: 'files',
      },
      without,
      json,
    ],
    required: [['images', 'reference']],
    examples: [
      {
        says: 'The value to expect',
        command: 'domb predict platform.yaml --images images --banks sha256',
      },
      {
        says: 'A signed reference for verifiers',
        command:
          'domb predict p.yaml --images images --reference-out p.reference && ' +
          'openssl pkeyutl -sign -rawin -inkey key.pem -in p.reference -out p.reference.sig',
      },
      {
        says: 'What such a reference expects, without manifest and images',
        command: 'domb predict --reference p.reference --key public.pem',
      },
      {
        says: "What a guest's own TPM begins with",
        command: 'domb predict vtpm.yaml --images images --guest ledger',
      },
    ],
  },
  {
    name: 'log',
    summary: 'show what was measured',
    description: [
      "Shows a measurement log and the PCR values that it gives: domB's, which is checked to the last bit, or any other: the " +
        "firmware's, the SHA-1 format of TPM 1.2 times, a confidential virtual machine's (CCEL). Whether a log is true, only a " +
        'comparison with a TPM can say.',
      'All that can be read is shown. What is wrong is said at the end, with its place, and the command then ends with 1.',
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
      endorsementAuth,
    ],
    required: [['nonce']],
    examples: [
      {
        says: 'Evidence for a verifier who sent this nonce',
        command: 'domb quote --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 -o evidence',
      },
    ],
  },
  {
    name: 'verify',
    summary: 'judge the evidence of a boot',
    description: [
      'Judges evidence without a TPM and without trusting where it came from: the signature and nonce of the quote, the ' +
        'logs against the quoted PCR values, then each measured item against what is expected.',
      'It ends with 0 when the evidence proves that what was expected is what booted, with 3 when anything is wrong, and with ' +
        '4 when nothing is, but a lie could still come through a gap. It names the gaps and what closes them: a fresh nonce, an ' +
        'enrolled key, items to compare with, PCR 4 expected, and PCR 7 where Secure Boot is claimed. --waive accepts gaps.',
      'With --guest the verdict is about a guest, too, by its own TPM: the platform first, whose log names the authority over the TPMs of its guests, ' +
        'then the guest.',
      'What is expected comes from a manifest with its images, or from a signed reference that "domb predict" made. The ' +
        'reference is signed like a manifest, with .sig added to its name.',
    ],
    arguments: [
      {
        name: 'EVIDENCE',
        says: 'A directory as "domb quote" writes it, or what domB handed over. Without it a guest is judged alone, and nothing is proven.',
        optional: true,
        completes: 'files',
      },
    ],
    options: [
      nonce,
      {
        name: 'guest',
        value: 'DIR',
        says: "Judge this evidence of a guest, too: its own TPM's quote with the same nonce, and its key's certificate (docs/vtpm.md).",
        completes: 'directories',
      },
      {
        name: 'guest-name',
        value: 'NAME',
        says: 'Which guest of the manifest that has to be; with --guest.',
      },
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
      {
        ...policy,
        says: 'The boot image holds this FLASK policy. With --manifest this or --no-policy must be given: nothing is built to verify.',
      },
      noPolicy,
      {
        name: 'efi',
        value: 'FILE',
        says: 'Expect that firmware started this EFI file: PCR 4.',
        completes: 'files',
      },
      secureBootSource,
      {
        name: 'reference',
        value: 'FILE',
        says: 'Expect what this reference says.',
        completes: 'files',
      },
      {
        name: 'firmware-reference',
        value: 'FILE',
        says: 'Expect of the firmware what this file says, which "domb reference --learn" made of this machine; beside manifest or reference.',
        completes: 'files',
      },
      {
        name: 'key',
        value: 'FILE',
        says: 'The public key that manifest or references must be signed with.',
        completes: 'files',
      },
      allowUnsigned,
      { name: 'pcr', value: 'N', says: 'The measured PCR, where nothing else tells; 13.' },
      {
        name: 'boot-pcr',
        value: 'N',
        says: 'The PCR of what differs at each boot, where nothing else tells; 12.',
      },
      ...quotingKey,
      {
        name: 'ek-roots',
        value: 'FILE',
        says: "Certificates of TPM manufacturers: the endorsement key's must be issued under one of them. This alone does not close the gap of the key.",
        completes: 'files',
      },
      {
        name: 'waive',
        value: 'LIST',
        says: `Accept these gaps, separated by commas; the verdict names them: ${Object.keys(gaps).join(', ')}.`,
        completes: Object.keys(gaps),
      },
      ...resultOptions,
      json,
    ],
    required: [['nonce', 'boot']],
    examples: [
      {
        says: 'With the images at hand',
        command:
          'domb verify evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --manifest p.yaml --images images --policy policy',
      },
      {
        says: 'With a signed reference, and the key that was enrolled',
        command:
          'domb verify evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --reference p.reference --key public.pem --ak ak.pub',
      },
      {
        says: 'A verdict for others, signed',
        command:
          'domb verify evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --reference p.reference --key public.pem --ear key.pem --ear-out result.jwt',
      },
      { says: 'The quote that domB took itself, in dom0', command: 'domb verify /run/domb --boot' },
      {
        says: 'A guest together with its platform',
        command:
          'domb verify evidence --nonce $NONCE --manifest vtpm.yaml --images images --no-policy --guest guest --guest-name ledger',
      },
    ],
  },
  {
    name: 'reference',
    summary: "learn what a machine's firmware measures",
    description: [
      'Makes reference values of what nobody can predict, of evidence of a boot that is known to be good: firmware and its settings ' +
        '(PCR 0, 1), option ROMs (2, 3), partitions (5), what the maker wants (6). Quote, logs and nonce are judged as "domb verify" does.',
      'It shows every event, for review. The text of an event that firmware did not measure as it stands is marked as "unproven". The ' +
        'file is for "domb verify --firmware-reference", signed like a reference; it keeps the events, so that a later difference ' +
        'is told event by event.',
    ],
    arguments: [],
    options: [
      {
        name: 'learn',
        value: 'EVIDENCE',
        says: 'A directory as "domb quote" writes it, or what domB handed over.',
        completes: 'directories',
      },
      nonce,
      {
        name: 'boot',
        says: 'Judge the quote that domB took before it handed over; it has no nonce.',
      },
      {
        name: 'output',
        short: 'o',
        value: 'FILE',
        says: 'Write to FILE; "machine.firmware" when left out.',
        completes: 'files',
      },
      {
        name: 'pcrs',
        value: 'LIST',
        says: 'These registers, with commas; 0,1,2,3,5,6 when left out. 4 and 7 are better predicted, with --efi and --secure-boot.',
      },
      ...quotingKey,
    ],
    required: [['learn'], ['nonce', 'boot']],
    examples: [
      {
        says: 'Of the first boot of a new machine, with the key that was enrolled',
        command:
          'domb reference --learn evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --ak ak.pub -o machine.firmware',
      },
    ],
  },
];
