import type { Command, Option } from './command.ts';
import { noPolicy, policy, secureBootSource, signedKey, without } from './evidence-commands.ts';
import { ownerAuth } from './hierarchy-options.ts';

const label: Option = {
  name: 'label',
  value: 'TEXT',
  says: 'Approvals with this label only: it sets those for one secret apart from others of the same key. 1 to 32 characters.',
};

const device: Option = {
  name: 'device',
  value: 'TPM',
  says: 'A device, unix:PATH or tcp:HOST:PORT; /dev/tpmrm0 when left out.',
  completes: 'files',
};

const owner: Option = {
  ...ownerAuth,
  says: 'The owner hierarchy\'s authorization value is all that is in FILE, a newline at its end too; "-" is standard input. Only where the TPM does not keep its storage key (0x81000001).',
};

/** What says in which states a secret opens. */
const states: readonly Option[] = [
  {
    name: 'for',
    value: 'FILE',
    says: 'The state that the manifest in FILE leads to, with --images and --efi.',
    completes: 'files',
  },
  { name: 'images', value: 'DIR', says: 'The images are below DIR.', completes: 'directories' },
  {
    name: 'efi',
    value: 'FILE',
    says: 'The EFI file that firmware starts, as "domb image --efi" makes it: PCR 4.',
    completes: 'files',
  },
  secureBootSource,
  policy,
  noPolicy,
  {
    name: 'reference',
    value: 'FILE',
    says: 'The state that a reference tells of, as "domb predict --reference-out" makes it; several with commas.',
    completes: 'files',
  },
  { ...signedKey, says: 'The public key that manifest and references must be signed with.' },
  { name: 'allow-unsigned', says: 'Trust the references without a signature.' },
  { name: 'bank', value: 'BANK', says: 'The PCR bank; sha256 when left out.' },
  {
    name: 'pcrs',
    value: 'LIST',
    says: "These registers instead of PCR 4, 7 where it is known, and the manifest's with those of domains.",
  },
  without,
];

/** Commands about secrets that open only in a state of the platform. */
export const sealingCommands: readonly Command[] = [
  {
    name: 'seal',
    summary: 'seal a secret to the whole chain of a boot',
    description: [
      'Seals a secret of 1 to 128 bytes, from standard input or --secret, so that this TPM opens it only on a platform that ' +
        'came up as predicted: the EFI file that firmware started, Secure Boot where that is known, and all that domB ' +
        'measured. Several states may be named; each opens it.',
      'With --signed-by it opens in any state that the key approves, also later: "domb approve". It is run where the TPM is, in dom0.',
      'It refuses what would protect nothing: the measured register alone, registers that are empty, unmeasured, without ' +
        'their cap or all ones, and banks that the TPM does not have. It warns when no state is the present one.',
    ],
    arguments: [],
    options: [
      ...states,
      {
        name: 'signed-by',
        value: 'KEY',
        says: 'Any state that this public key (PEM; RSA or NIST P-256, P-384) approves.',
        completes: 'files',
      },
      label,
      {
        name: 'secret',
        value: 'FILE',
        says: 'The secret; standard input when left out.',
        completes: 'files',
      },
      {
        name: 'output',
        short: 'o',
        value: 'DIR',
        says: 'Write the sealed secret into DIR; "sealed" when left out.',
        completes: 'directories',
      },
      device,
      owner,
    ],
    required: [['for', 'reference', 'signed-by']],
    examples: [
      {
        says: 'Seal a key to this version, and to those that will be approved',
        command:
          'domb seal --reference this.reference --key public.pem --signed-by approver.pem --secret /run/disk-secret -o /boot/disk-key',
      },
      {
        says: 'Seal it to the next version, too',
        command:
          'domb unseal /boot/disk-key | domb seal --reference this.reference,next.reference --key public.pem -o /boot/next-key',
      },
    ],
  },
  {
    name: 'unseal',
    summary: 'open a sealed secret on the platform it was sealed for',
    description: [
      'Writes the secret to standard output, byte by byte. Approvals are found beside it, as DIR/*.approval.',
      'When the platform is in no state that opens it, it says which registers differ, and ends with 3.',
    ],
    arguments: [
      { name: 'DIR', says: 'The sealed secret, as "domb seal" wrote it.', completes: 'files' },
    ],
    options: [device, owner],
    examples: [
      {
        says: 'Open a disk with it',
        command: 'domb unseal /boot/disk-key | cryptsetup open --key-file - /dev/nvme0n1 data',
      },
    ],
  },
  {
    name: 'approve',
    summary: 'approve a state for secrets that are sealed to a key',
    description: [
      'Signs a predicted state: secrets that were sealed with --signed-by and the public half of KEY open in it. What "domb ' +
        'seal" refuses is not approved. Put the file beside the sealed secret. An approval cannot be taken back: to be rid ' +
        'of old states, seal anew with another --label.',
    ],
    arguments: [],
    options: [
      ...states,
      {
        name: 'sign-with',
        value: 'KEY',
        says: 'The private key, in PEM, that is used for approvals and nothing else.',
        completes: 'files',
      },
      {
        name: 'vtpm-state',
        says: 'Approve that this boot opens the states of guests\' TPMs, before its caps, instead of secrets of dom0\'s: for "domb vtpm-state setup".',
      },
      label,
      {
        name: 'output',
        short: 'o',
        value: 'FILE',
        says: 'Write to FILE; "state.approval" when left out.',
        completes: 'files',
      },
    ],
    required: [['for', 'reference'], ['sign-with']],
    examples: [
      {
        says: 'Approve the next version',
        command:
          'domb approve --reference next.reference --key public.pem --sign-with approval.pem -o next.approval',
      },
      {
        says: "Let the next version open the states of guests' TPMs",
        command:
          'domb approve --vtpm-state --reference next.reference --key public.pem --sign-with approval.pem -o next.vtpm',
      },
    ],
  },
];
