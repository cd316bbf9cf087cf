import type { Command, Option } from './command.ts';
import { ownerAuth } from './hierarchy-options.ts';

/** Where dom0 keeps states when nothing is said. */
export const STATE_DIRECTORY = '/var/lib/domb/vtpm-state';

const directory: Option = {
  name: 'directory',
  value: 'DIR',
  says: `The states are below DIR, on a disk that lasts; ${STATE_DIRECTORY}.`,
  completes: 'directories',
};

const device: Option = {
  name: 'device',
  value: 'TPM',
  says: 'A device, unix:PATH or tcp:HOST:PORT; /dev/tpmrm0 when left out.',
  completes: 'files',
};

/** dom0's part in TPMs of guests that outlast the boot: docs/vtpm-state.md. */
export const vtpmStateCommands: readonly Command[] = [
  {
    name: 'vtpm-state setup',
    summary: "have the machine's TPM keep the key of guests' TPMs",
    description: [
      "Makes three NV indexes in the machine's TPM, where they are missing: one for the key that states of guests' TPMs are encrypted " +
        'under, which the next approved boot fills; one that tells the newest states from all others; and one for approvals. Gives it ' +
        'the approvals of "domb approve --vtpm-state" in the files, the newest first, before those that it has; of more than it has ' +
        'room for the oldest go.',
      'It is run as root in dom0, or in any other system on that machine, before the first boot that is to have such TPMs, and before ' +
        'each update. Who has made the indexes learns nothing of what is in them.',
    ],
    arguments: [
      {
        name: 'FILE',
        says: 'An approval, as "domb approve --vtpm-state" makes it.',
        many: true,
        completes: 'files',
      },
    ],
    options: [
      {
        name: 'anew',
        says: "Remove the indexes that are there first: the key is gone, and all guests' TPMs that outlast the boot are made anew.",
      },
      device,
      {
        ...ownerAuth,
        says: 'The owner hierarchy\'s authorization value is all that is in FILE, a newline at its end too; "-" is standard input.',
      },
    ],
    examples: [
      {
        says: 'Set up a machine, or prepare it for an update',
        command: 'domb vtpm-state setup next.vtpm',
      },
    ],
  },
  {
    name: 'vtpm-state serve',
    summary: "store the states of guests' TPMs, in dom0",
    description: [
      "Stores what the domain that serves guests' TPMs gives to be stored, encrypted, and passes its commands for the NV index of " +
        "the newest states to the machine's TPM. Guests whose TPMs outlast the boot wait for it. It runs until it is ended; without " +
        'such guests it has nothing to do.',
      'Who restores an older directory has these guests wait until the newest one is back: an older state is refused.',
    ],
    arguments: [],
    options: [
      directory,
      device,
      {
        name: 'record',
        value: 'FILE',
        says: 'The record that domB handed over; /run/domb/record.json.',
        completes: 'files',
      },
    ],
    examples: [{ says: 'Serve them', command: 'domb vtpm-state serve' }],
  },
  {
    name: 'vtpm-state reset',
    summary: "have a guest's TPM made anew",
    description: [
      'Notes that the TPM of NAME, which outlasts the boot, is to be made anew when its guest starts next, or now where it waits: with ' +
        'another endorsement key, and nothing in it. What was sealed to the TPM before is lost.',
    ],
    arguments: [{ name: 'NAME', says: "The guest's name in the manifest.", completes: [] }],
    options: [directory],
    examples: [{ says: 'A new TPM for ledger', command: 'domb vtpm-state reset ledger' }],
  },
];
