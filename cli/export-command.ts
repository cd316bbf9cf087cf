import type { Command, Option } from './command.ts';
import { evidenceCommands } from './evidence-commands.ts';

/** What `domb verify` compares with, the same way. */
const compared = [
  ...['nonce', 'boot', 'manifest', 'images', 'policy', 'no-policy', 'efi'],
  ...['reference', 'key', 'allow-unsigned'],
];

const asVerify: readonly Option[] = evidenceCommands
  .filter(({ name }) => name === 'verify')
  .flatMap(({ options }) => options.filter(({ name }) => compared.includes(name)));

export const exportCommand: Command = {
  name: 'export',
  summary: 'write evidence in the form that another verifier takes',
  description: [
    'Writes quote, keys, log and the register values that are expected as the body of a call of another verifier. For keylime that is ' +
      'POST /v2.4/verify/evidence, which judges machines without an agent. It is a smaller judgement than that of "domb verify": ' +
      'what is not looked at is said on standard error; docs/keylime.md says what is.',
    'What is expected comes from a manifest with its images, or from a reference, as with "domb verify". Nothing is judged here but ' +
      'the quote itself.',
  ],
  arguments: [
    {
      name: 'EVIDENCE',
      says: 'A directory as "domb quote" writes it, or what domB handed over.',
      completes: 'files',
    },
  ],
  options: [
    {
      name: 'for',
      value: 'SYSTEM',
      says: 'The verifier that shall take it: keylime.',
      completes: ['keylime'],
    },
    ...asVerify,
    {
      name: 'output',
      short: 'o',
      value: 'FILE',
      says: 'Write to FILE; to standard output when left out.',
      completes: 'files',
    },
  ],
  required: [['for'], ['nonce', 'boot']],
  examples: [
    {
      says: 'Have keylime judge it',
      command:
        'domb export --for keylime evidence --nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --reference p.reference --key public.pem -o request.json',
    },
  ],
};
