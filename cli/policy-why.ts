import type { DomainSettings } from '../boot-configs/manifest.ts';
import { askedFor } from '../boot-configs/policy/explain/actions.ts';
import { typesMeant, UnknownNameError } from '../boot-configs/policy/explain/names.ts';
import { answerTo } from '../boot-configs/policy/explain/why.ts';
import { type ExitStatus, type Input, type Terminal, UsageError } from './command.ts';
import { chosenPolicyFile, policyIn, sourceRulesOf } from './flask-policy.ts';
import { answerText } from './policy/answer-text.ts';
import { safeLines } from './policy/lines.ts';
import { labelledDomains } from './policy-manifest.ts';
import { safe } from './text.ts';

/** `domb policy why SOURCE TARGET ACTION` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [source = '', target = '', ...words] = input.arguments;
  const action = words.join(' ');
  if (action === '') {
    throw new UsageError('there is no ACTION', 'give SOURCE, TARGET and ACTION');
  }
  const file = await chosenPolicyFile(input);
  const policy = await policyIn(file);
  const manifest = input.values.get('manifest');
  const domains: readonly DomainSettings[] =
    manifest === undefined ? [] : await labelledDomains(manifest, policy, input, terminal);
  const { types, asked } = understood(() => {
    const types = typesMeant(policy, domains, source, target);
    return { types, asked: askedFor(policy, types.source, types.target, action) };
  });
  const sources = await sourceRulesOf(file);
  const answer = answerTo(policy, asked, sources ?? []);
  if (input.flags.has('json')) {
    const modules = sources !== undefined;
    terminal.write(`${JSON.stringify({ ...types, action, modules, ...answer }, null, 2)}\n`);
  } else {
    const question = { source, target, action, types };
    terminal.write(safeLines(answerText(question, answer, sources !== undefined)));
  }
  return 0;
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnknownNameError)) throw error;
    // With names out of the policy.
    throw new UsageError(safe(error.message), safe(error.hint));
  }
}
