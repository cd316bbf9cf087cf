import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { xenSource } from '../../platform/hypervisor/source.ts';
import { compilePolicy } from '../../platform/policy/build.ts';

/** Permissions, by source, target and class, as `dom0_t vtpm_t:domain`. */
export type Rights = ReadonlyMap<string, ReadonlySet<string>>;

/** What the compiler says of a policy. */
export interface Compilation {
  /** Its message when it refused the policy. */
  refusal: string | undefined;
  /** The permissions that violate an assertion: it names all of them in one run (libsepol, check_assertions). */
  violating: Rights;
  types: readonly string[];
}

/** Compiles our policy with further rules, by the compiler that compiles it for Xen. */
export async function compiled(rules: string): Promise<Compilation> {
  const scratch = await mkdtemp(join(tmpdir(), 'domb-policy-'));
  try {
    const { tree } = await xenSource('policy');
    const refusal = await compilePolicy(tree, scratch, join(scratch, 'out'), rules).then(
      () => undefined,
      (error) => String(error),
    );
    const source = join(scratch, 'policy.conf');
    const types = (await readFile(source, 'utf8')).matchAll(/^\s*type (\w+)/gm);
    return {
      refusal,
      violating: refusal === undefined ? new Map() : violations(await complaints(source)),
      types: [...types].map(([, name = '']) => name),
    };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** All that checkpolicy says; the error of a build has the last lines alone. */
async function complaints(source: string): Promise<string> {
  const child = spawn('checkpolicy', ['-t', 'Xen', '-c', '30', source, '-o', '/dev/null'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return Buffer.concat(said).toString();
}

function violations(said: string): Rights {
  const found = new Map<string, Set<string>>();
  const line = /violated by allow (\w+ \w+:\w+) \{ ?([^}]*?) ?\};/g;
  for (const [, key = '', permissions = ''] of said.matchAll(line)) {
    const known = found.get(key) ?? new Set<string>();
    for (const permission of permissions.split(' ')) known.add(permission);
    found.set(key, known);
  }
  return found;
}

/** The permissions of each class of this Xen (xen/xsm/flask/policy/access_vectors). */
export async function classes(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { tree } = await xenSource('policy');
  const file = join(tree, 'xen/xsm/flask/policy/access_vectors');
  const text = (await readFile(file, 'utf8')).replaceAll(/#.*/g, '');
  const each = text.matchAll(/^class (\w+)\s*\{([^}]*)\}/gm);
  return new Map([...each].map(([, name = '', names = '']) => [name, names.match(/\w+/g) ?? []]));
}
