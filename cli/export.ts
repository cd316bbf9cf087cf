import { writeFile } from 'node:fs/promises';
import type { PcrValues } from 'node-tpm2-pts';
import { bootNonce, type Evidence, readEvidence } from '../measurement/evidence/evidence.ts';
import type { Expectation } from '../measurement/evidence/expectation.ts';
import { keylimeExport } from '../measurement/keylime/request.ts';
import { predict } from '../measurement/predict.ts';
import { requiredValue } from './arguments.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { checkUsage, expectationFrom } from './expectation.ts';
import { failing } from './failing.ts';
import { writing } from './output.ts';
import { safe } from './text.ts';

/** `domb export --for SYSTEM EVIDENCE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  checkUsage(input);
  const system = requiredValue(input, 'for');
  if (system !== 'keylime') {
    throw new UsageError(`nothing is known of "${system}"`, 'evidence is exported for keylime');
  }
  if (!input.values.has('manifest') && !input.values.has('reference')) {
    throw new UsageError(
      'nothing is expected of the platform',
      'add --manifest and --images, or --reference; keylime would accept any platform without',
    );
  }
  const [directory = ''] = input.arguments;
  const output = input.values.get('output');
  const { request, notes } = await failing(async () => {
    const evidence = await readEvidence(directory);
    const expectation = await expectationFrom(input, terminal, evidence.pcrs);
    const { nonce } = expectation;
    return keylimeExport(
      evidence,
      nonce === 'boot' ? bootNonce(evidence) : nonce,
      expectedRegisters(evidence, expectation),
    );
  });
  const text = `${JSON.stringify(request, null, 2)}\n`;
  if (output === undefined) terminal.write(text);
  else await writing(output, () => writeFile(output, text));
  for (const note of notes) terminal.writeError(`${safe(note)}\n`);
  return 0;
}

/** The values that the registers must have, in the quoted banks: those of the firmware, and those that the items give. */
function expectedRegisters(
  { pcrs }: Evidence,
  { pcr, items = [], ...rest }: Expectation,
): PcrValues {
  const banks = [...pcrs.keys()];
  const measured = items.length > 0 ? predict(items, { pcr, banks }).pcrs : new Map();
  return new Map(
    banks.map((bank) => [
      bank,
      new Map([...(rest.pcrs?.get(bank) ?? []), ...(measured.get(bank) ?? [])]),
    ]),
  );
}
