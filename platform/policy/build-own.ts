import { appendFile, copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { xenSource } from '../hypervisor/source.ts';
import { RunError } from '../lib/run.ts';
import { needPackages } from '../setup/packages.ts';
import { compileSources, keepSource, placeSources } from './build.ts';

/** Modules that can't be compiled, or that give rights which our assertions forbid. */
export class PolicyModuleError extends Error {
  override name = 'PolicyModuleError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** What m4 takes as it is, and a shell, too. */
const MODULE = /^[A-Za-z][A-Za-z0-9_-]{0,63}\.te$/;

/** Where hardware with a label of its own is. */
const CONTEXTS = 'device_contexts';

/**
 * Compiles our FLASK policy with the modules (*.te) in `directory` behind ours, which they may use, and before the assertions; with
 * the labels of hardware in its `device_contexts`, where there is one.
 * @returns the compiled policy
 * @throws {@link PolicyModuleError} with what the compiler says of them
 */
export async function buildPolicyWith(directory: string): Promise<Buffer> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.te')).sort();
  if (names.length === 0) {
    throw new PolicyModuleError(`${directory}: there are no modules`, 'modules end with .te');
  }
  needPackages('policy');
  const { tree } = await xenSource('policy');
  const scratch = await mkdtemp(join(tmpdir(), 'domb-own-policy-'));
  try {
    const sources = await placeSources(tree, scratch);
    await addModules(join(sources, 'modules'), directory, names);
    await addContexts(join(sources, 'policy', CONTEXTS), join(directory, CONTEXTS));
    const output = join(scratch, 'xenpolicy');
    await compileSources(tree, scratch, output).catch((error: unknown) => {
      throw error instanceof RunError ? refusal(error) : error;
    });
    const policy = await readFile(output);
    await keepSource(policy, scratch, names, resolve(directory));
    return policy;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function addModules(modules: string, directory: string, names: string[]): Promise<void> {
  const there = await readdir(modules);
  for (const name of names) {
    if (!MODULE.test(name)) {
      throw new PolicyModuleError(
        `${name} is no name for a module`,
        'use letters, digits, - and _',
      );
    }
    if (there.includes(name)) {
      throw new PolicyModuleError(
        `${name} is the name of a module of ours or of Xen's`,
        'rename yours',
      );
    }
    await copyFile(join(directory, name), join(modules, name));
  }
  const list = join(modules, 'modules.conf');
  const lines = names.map((name) => `${name.slice(0, -'.te'.length)} = on\n`).join('');
  const before = await readFile(list, 'utf8');
  const after = before.replace(/^assertions = on$/m, `${lines}$&`);
  if (after === before) throw new Error('modules.conf has no assertions');
  await writeFile(list, after);
}

async function addContexts(contexts: string, own: string): Promise<void> {
  const text = await readFile(own, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text !== undefined) await appendFile(contexts, `\n${text}\n`);
}

/** What the compiler says of the modules, without what make says of it. */
function refusal({ message, hint }: RunError): PolicyModuleError {
  const lines = message.split('\n').map(withRightLine);
  const violated = lines.filter((line) => / violated by /.test(line));
  if (violated.length > 0) {
    const said = violated.map((line) =>
      line.replace(/^libsepol\.\w+: /, '').replace(/ \(or .*?\)/, ''),
    );
    return new PolicyModuleError(
      `the modules give rights that an assertion of ours forbids:\n  ${said.join('\n  ')}`,
      'leave these rules out; modules/assertions.te says what must hold, and why',
    );
  }
  const start = lines.findIndex((line) => /^(modules|policy)\/|: ?ERROR /.test(line));
  if (start < 0) return new PolicyModuleError(message, hint);
  const end = lines.findIndex((line, at) => at > start && /^(checkpolicy|make)/.test(line));
  return new PolicyModuleError(
    `the modules can't be compiled:\n  ${lines
      .slice(start, end < 0 ? undefined : end)
      .filter(isOfModule)
      .join('\n  ')}`,
    'the names of classes, permissions and macros are those of Xen (tools/flask/policy) and of platform/policy/modules',
  );
}

/** checkpolicy takes the line after m4's "#line 1" for the second. */
function withRightLine(line: string): string {
  const before = (number: string) => String(Number(number) - 1);
  return line
    .replace(/^(modules\/\S+\.te:)(\d+)/, (_, file: string, at: string) => `${file}${before(at)}`)
    .replace(/(?<= on line )(\d+)(?= of modules\/)/, before)
    .replace(/ on line \d+:$/, '');
}

/** Neither empty nor what m4 says to the compiler. */
function isOfModule(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('#line');
}
