/** "domb policy build": our policy with modules of an operator's own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { forbidden } from '../../../boot-configs/policy/findings/forbidden.ts';
import { commandsBy } from '../../documentation/table.ts';
import { domb, file } from '../../lib/domb.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-own-policy-'));
after(() => rmSync(directory, { recursive: true }));
const output = join(directory, 'till.policy');

/** Compiles these modules, in a directory of their own. */
function build(modules: Record<string, string>) {
  const own = mkdtempSync(join(directory, 'modules-'));
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(own, name), text);
  return domb(['policy', 'build', own, '-o', output]);
}

test('what the compiler says is said of the module, with its line', async () => {
  const { status, out, error } = await build({ 'till.te': '\nallow nobody_t xen_t:xen sleep;\n' });
  assert.deepEqual([status, out], [1, '']);
  assert.match(
    error,
    /^domb: the modules can't be compiled:\n {2}modules\/till\.te:2:ERROR .*nobody_t/,
  );
  assert.match(error, /\n {2}hint: the names of classes, /);
});

test('rights that an assertion forbids are refused, with the assertion', async () => {
  const { status, error } = await build({
    'till.te': 'declare_domain(till_t)\n',
    'more.te': 'allow till_t xen_t:xen sleep;\n',
  });
  assert.equal(status, 1);
  const violated =
    /forbids:\n {2}neverallow on line (\d+) of modules\/assertions\.te violated by allow till_t xen_t:xen \{ sleep \};/;
  const [, line = '0'] = violated.exec(error) ?? assert.fail(error);
  const assertions = readFileSync(file('platform/policy/modules/assertions.te'), 'utf8');
  assert.match(assertions.split('\n')[Number(line) - 1] ?? '', /xen/);
});

test('names that are no modules, or are ours, are refused', async () => {
  assert.match((await build({})).error, /there are no modules\n {2}hint: modules end with \.te/);
  assert.match((await build({ 'a b.te': '' })).error, /^domb: a b\.te is no name for a module/);
  assert.match(
    (await build({ 'domb.te': '' })).error,
    /^domb: domb\.te is the name of a module of ours/,
  );
  const missing = await domb(['policy', 'build', join(directory, 'none'), '-o', output]);
  assert.match(missing.error, /none: can't be read or written \(ENOENT\)/);
  const unsaid = await domb(['policy', 'build', directory]);
  assert.equal(unsaid.status, 2);
});

test('a policy without modules of its own has the labels of ours', async () => {
  const { status, out } = await build({ 'nothing.te': '# nothing\n' });
  assert.equal(status, 0);
  assert.match(out, /till\.policy: \d+ bytes\n$/);
  const valid = await domb(['validate', '--policy', output, file('boot-configs/vtpm.yaml')]);
  assert.equal(valid.status, 0, valid.error);
});

test('hardware gets labels of its own, which nobody may have unless a rule says so', async () => {
  const clock = 'ioportcon 0x6e-0x6f gen_context(system_u:object_r:clock_port_t,s0)\n';
  const module = 'type clock_port_t, resource_type;\n';
  const built = await build({ 'clock.te': module, device_contexts: clock });
  assert.equal(built.status, 0, built.error);
  const example = readFileSync(file('boot-configs/driver-domain.yaml'), 'utf8');
  const manifest = join(directory, 'clock.yaml');
  writeFileSync(manifest, example.replace('"31f"', '"6f"'));
  const { status, error } = await domb(['validate', '--policy', output, manifest]);
  assert.equal(status, 1);
  assert.match(
    error,
    /ioports\[1\]: driver_t may not have 6f, which has the label \S+:clock_port_t/,
  );
  const unknown = await build({ 'clock.te': '', device_contexts: clock });
  assert.match(unknown.error, /can't be compiled:\n {2}policy\/device_contexts:.*clock_port_t/);
});

test('docs/own-types.md, literally', async () => {
  const tree = mkdtempSync(join(directory, 'page-'));
  const page = readFileSync(file('docs/own-types.md'), 'utf8');
  const block = (language: string) =>
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)?.[1] ?? '';
  mkdirSync(join(tree, 'policy.d'));
  writeFileSync(join(tree, 'policy.d/till.te'), block('m4'));
  const demo = readFileSync(file('boot-configs/demo.yaml'), 'utf8');
  writeFileSync(join(tree, 'shop.yaml'), `${demo}\n${block('yaml')}`);
  symlinkSync(file('bin/domb'), join(tree, 'domb'));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const commands = commandsBy('test/integration/cli/policy-build.test.ts');
  assert.equal(commands.length, 3);
  for (const command of commands) {
    const { status, stdout, stderr } = spawnSync('bash', ['-c', command], {
      cwd: tree,
      env: { ...env, PATH: `${tree}:${env.PATH}` },
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${command}\n${stderr}`);
    assert.match(stdout, /^(till\.policy: \d+ bytes|shop\.yaml: ok, .*)$/m);
  }
  // What the page says that is refused.
  writeFileSync(join(tree, 'policy.d/more.te'), 'allow till_t xen_t:xen sleep;\n');
  const refused = await domb(['policy', 'build', join(tree, 'policy.d'), '-o', output]);
  const said = block('text')
    .trimEnd()
    .replace(/line \d+/, 'line');
  assert.ok(refused.error.replace(/line \d+/, 'line').startsWith(said), refused.error);
});

test('docs/own-types.md has every rule of the findings', () => {
  const page = readFileSync(file('docs/own-types.md'), 'utf8');
  const told = [...page.matchAll(/^\| `([\w-]+)` /gm)].map(([, rule = '']) => rule);
  const others = ['dma-unconfined', 'guest-powers', 'permissive', 'unknown-allowed'];
  const rules = new Set([...forbidden.map(({ rule }) => rule), ...others]);
  assert.deepEqual(told.toSorted(), [...rules].sort());
});
