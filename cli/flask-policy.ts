import type { Policy } from '../boot-configs/policy/model.ts';
import type { SourceRule } from '../boot-configs/policy/source/source-rules.ts';
import { Failure, type Input } from './command.ts';

/** Bytes; policies for Xen have some 10,000, for Linux some millions. */
const MAXIMUM_POLICY = 1 << 26;

/** The policy that --policy names, or ours. */
export async function chosenPolicy(input: Input): Promise<Policy> {
  return policyIn(await chosenPolicyFile(input));
}

/** The file that --policy names, or ours, built when that was not done yet. */
export async function chosenPolicyFile({ values }: Input): Promise<string> {
  const named = values.get('policy');
  if (named !== undefined) return named;
  const { buildPolicy } = await import('../platform/policy/build.ts');
  return buildPolicy();
}

/** The rules of the modules that a policy was compiled from; none when that was not done here, as compiled policies carry no lines. */
export async function sourceRulesOf(file: string): Promise<SourceRule[] | undefined> {
  const { policySource } = await import('../platform/policy/build.ts');
  const { readSourceRules } = await import('../boot-configs/policy/source/source-rules.ts');
  const source = await policySource(await readPolicyFile(file));
  return source === undefined ? undefined : readSourceRules(source);
}

/** Reads the compiled policy in `file`. Throws a {@link Failure} when there is none. */
export async function policyIn(file: string): Promise<Policy> {
  const { readFlaskPolicy } = await import('../boot-configs/policy/policy.ts');
  const { missingClasses } = await import('../boot-configs/policy/xen-classes.ts');
  const { PolicyFormatError } = await import('../boot-configs/policy/policy-reader.ts');
  const bytes = await readPolicyFile(file);
  try {
    const policy = readFlaskPolicy(bytes);
    const [lacking] = missingClasses(policy);
    if (lacking === undefined) return policy;
    throw new PolicyFormatError(`the policy has no class "${lacking}", so Xen would refuse it`);
  } catch (error) {
    if (!(error instanceof PolicyFormatError)) throw error;
    throw new Failure(
      `${file}: ${error.message}`,
      'give the binary policy for Xen that checkpolicy wrote',
    );
  }
}

async function readPolicyFile(file: string): Promise<Uint8Array> {
  const { readBounded } = await import('../measurement/read-bounded.ts');
  return readBounded(file, MAXIMUM_POLICY).catch((error: NodeJS.ErrnoException) => {
    throw error.code === undefined
      ? new Failure(error.message, 'name the policy')
      : new Failure(`${file}: the policy can't be read (${error.code})`, 'check the name');
  });
}
