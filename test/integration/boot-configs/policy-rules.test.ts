/** What is read of a policy's rules, against what setools reads of the same file, and against what Xen's code makes of them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  allowedOf,
  PolicyNameError,
  silentOf,
  transitionOf,
} from '../../../boot-configs/policy/allowed.ts';
import { contextText } from '../../../boot-configs/policy/contexts.ts';
import type { Policy } from '../../../boot-configs/policy/model.ts';
import { readFlaskPolicy } from '../../../boot-configs/policy/policy.ts';
import { PolicyFormatError } from '../../../boot-configs/policy/policy-reader.ts';
import { xenSource } from '../../../platform/hypervisor/source.ts';
import { buildPolicy, compileSources } from '../../../platform/policy/build.ts';
import { Random } from '../../fuzz/random.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-rules-'));
after(() => rmSync(directory, { recursive: true }));

/** Everything that a policy for Xen can have, once. */
const source = `
class xen
class domain
class resource
class event
sid xenboot
sid xen
sid dom0
class xen { op other }
class domain { create transition destroy }
class resource { use add }
class event { bind }
attribute all_types;
attribute some_types;
type a_t alias also_a_t, all_types;
type b_t, all_types, some_types;
type c_t, some_types;
type d_t;
type event_t;
type lax_t;
permissive lax_t;
typebounds a_t d_t;
bool open false;
bool shut true;
role system_r;
role system_r types { a_t b_t d_t event_t lax_t };
role other_r;
role other_r types c_t;
allow system_r other_r;
allow a_t a_t:xen op;
allow all_types some_types:domain { create transition };
allow c_t { a_t b_t }:domain { create transition };
allow b_t self:domain destroy;
allow a_t { a_t c_t }:resource { use add };
allow d_t a_t:resource use;
auditallow a_t a_t:xen op;
dontaudit some_types all_types:xen other;
type_transition a_t all_types:event event_t;
if (open) { allow c_t a_t:xen op; } else { allow c_t a_t:xen other; }
if (shut) { allow c_t b_t:xen op; }
user system_u roles { system_r };
user other_u roles { other_r };
constrain domain { create } (u1 == u2 or t1 == a_t);
constrain domain { transition } (r1 == r2 or not t2 == { a_t b_t });
sid xenboot system_u:system_r:a_t
sid xen system_u:system_r:a_t
sid dom0 system_u:system_r:b_t
pirqcon 9 system_u:object_r:b_t
ioportcon 0x3f8-0x3ff system_u:object_r:b_t
ioportcon 0x60 system_u:object_r:c_t
iomemcon 0xfed40-0xfed44 system_u:object_r:c_t
pcidevicecon 0x0118 system_u:object_r:d_t
`;

function compile(version: number, extra = ''): string {
  const input = join(directory, 'policy.conf');
  const output = join(directory, `policy.${version}`);
  const tree = version < 30 ? '' : 'devicetreecon "/soc/uart" system_u:object_r:a_t\n';
  writeFileSync(input, source.replace('user system_u', `${extra}\nuser system_u`) + tree);
  execFileSync('checkpolicy', ['-t', 'Xen', '-c', String(version), '-o', output, input], {
    stdio: 'pipe',
  });
  return output;
}

const read = (file: string) => readFlaskPolicy(readFileSync(file));
const setools = (tool: string, ...words: string[]) =>
  execFileSync(tool, words, { encoding: 'utf8' });

/** The rules of a kind that sesearch finds and that hold, as "source target:class permission", attributes replaced by types. */
function rulesOf(file: string, { attributes }: Policy, kind: string): Set<string> {
  const text = setools('sesearch', `--${kind}`, file);
  const pattern =
    /^\w+ (\w+) (\w+):(\w+) (?:\{ ([^}]+) \}|(\w+));(?: \[ (\w+) \]:(True|False))?$/gm;
  const found = [...text.matchAll(pattern)];
  assert.equal(found.length, text.split('\n').filter(Boolean).length, text);
  const typesOf = (name: string) => attributes.get(name) ?? [name];
  const states = new Map(
    [...setools('seinfo', '-b', '-x', '--flat', file).matchAll(/^bool (\w+) (\w+);$/gm)].map(
      ([, name, state]) => [name, state === 'true'],
    ),
  );
  return new Set(
    found.flatMap(([, from = '', to = '', name = '', many, one = '', boolean, state]) => {
      if (boolean !== undefined && states.get(boolean) !== (state === 'True')) return [];
      return [...typesOf(from)].flatMap((source) =>
        [...typesOf(to)].flatMap((target) =>
          (many ?? one).split(' ').map((each) => `${source} ${target}:${name} ${each}`),
        ),
      );
    }),
  );
}

/** The same of all types, as `ask` has them. */
function answers(policy: Policy, ask: typeof allowedOf): Set<string> {
  const types = [...policy.types.keys()];
  return new Set(
    types.flatMap((from) =>
      types.flatMap((to) =>
        [...policy.classes.keys()].flatMap((name) =>
          [...ask(policy, from, to, name)].map((each) => `${from} ${to}:${name} ${each}`),
        ),
      ),
    ),
  );
}

/** Names with what belongs to them, as seinfo -x lists them. */
function seinfoSets(text: string): Map<string, string[]> {
  const sets = new Map<string, string[]>();
  let members: string[] = [];
  for (const line of text.split('\n')) {
    const [, name, member] = /^ {3}(?:attribute |class )(\w+);?$|^\t(\w+)$/.exec(line) ?? [];
    if (name !== undefined) {
      members = [];
      sets.set(name, members);
    }
    if (member !== undefined) members.push(member);
  }
  for (const each of sets.values()) each.sort();
  return sets;
}

/** Xen's example policy, with all its modules: it has booleans, constraints, and users and roles of its own. */
async function examplePolicy(): Promise<string> {
  const { tree } = await xenSource('policy');
  const scratch = mkdtempSync(join(directory, 'example-'));
  cpSync(join(tree, 'tools/flask/policy'), join(scratch, 'policy'), { recursive: true });
  const list = join(scratch, 'policy/modules/modules.conf');
  writeFileSync(list, readFileSync(list, 'utf8').replace(/= off$/gm, '= on'));
  await compileSources(tree, scratch, join(scratch, 'xenpolicy'));
  return join(scratch, 'xenpolicy');
}

test('our policy: classes, attributes, rules and transitions are those that setools reads', async () => {
  agrees(await buildPolicy());
});

test("Xen's example policy: the same", async () => {
  const file = await examplePolicy();
  agrees(file);
  const policy = read(file);
  assert.equal(policy.booleans.size, 2);
  const constrained = [...policy.classes].filter(([, { constraints }]) => constraints.length > 0);
  assert.deepEqual(constrained.map(([name]) => name).sort(), ['event', 'grant']);
  // Guests of different users share nothing (vm_role.cons).
  const [one, other] = ['user_1:vm_r:domU_t', 'user_2:vm_r:domU_t'];
  const shared = (from: string, to: string) => [...allowedOf(policy, from, to, 'grant')].sort();
  assert.deepEqual(shared(one, one), ['copy', 'map_read', 'map_write', 'unmap']);
  assert.deepEqual(shared(one, other), ['unmap']);
  assert.deepEqual(shared('system_u:system_r:domU_t', other), shared(one, one));
});

/** Asserts that a policy is read as setools read it. */
function agrees(file: string): void {
  const policy = read(file);
  const sorted = (sets: ReadonlyMap<string, { keys(): Iterable<string> }>) =>
    new Map([...sets].map(([name, set]) => [name, [...set.keys()].sort()]));
  const permissions = [...policy.classes].map(([name, each]) => [name, each.permissions] as const);
  assert.deepEqual(seinfoSets(setools('seinfo', '-c', '-x', file)), sorted(new Map(permissions)));
  const attributes = sorted(policy.attributes);
  assert.deepEqual(seinfoSets(setools('seinfo', '-a', '-x', file)), attributes);
  assert.ok((attributes.get('domain_type')?.length ?? 0) > 5);

  const allowed = answers(policy, allowedOf);
  assert.deepEqual([...allowed].sort(), [...rulesOf(file, policy, 'allow')].sort());
  assert.ok(allowed.size > 500);
  const silent = answers(policy, silentOf);
  assert.deepEqual([...silent].sort(), [...rulesOf(file, policy, 'dontaudit')].sort());

  const transitions = setools('sesearch', '-T', file).matchAll(/(\w+) (\w+):(\w+) (\w+);/g);
  for (const [, from = '', to = '', name = '', type] of transitions) {
    assert.equal(transitionOf(policy, from, to, name), type);
  }
  assert.equal(policy.transitions.length, setools('sesearch', '-T', file).match(/;/g)?.length);
  assert.equal(transitionOf(policy, 'domU_t', 'domU_t', 'domain'), 'domU_t_self');
  assert.equal(transitionOf(policy, 'xen_t', 'xen_t', 'domain'), 'xen_t');
}

test('our policy: initial SIDs are those of its source', async () => {
  const policy = read(await buildPolicy());
  const url = new URL('../../../platform/policy/initial_sids', import.meta.url);
  const written = readFileSync(url, 'utf8').matchAll(/^sid (\w+) gen_context\((\S+),s0\)$/gm);
  const expected = [...written].map(([, name, context]) => [name, context]);
  const found = [...policy.initialSids].map(([name, each]) => [name, contextText(policy, each)]);
  assert.deepEqual(found.sort(), expected.sort());
  assert.equal(found.length, 13);
});

for (const version of [24, 30]) {
  test(`version ${version}: rules are those that setools reads, less what constraints, bounds and roles take`, () => {
    const file = compile(version);
    const policy = read(file);
    assert.equal(policy.version, version);
    const allowed = answers(policy, allowedOf);
    const rules = rulesOf(file, policy, 'allow');
    const lax = [...allowed].filter((each) => each.startsWith('lax_t'));
    // Nothing is refused to a permissive type: 6 types, 8 permissions.
    assert.equal(lax.length, 48);
    const less = [...rules].filter((each) => !allowed.has(each));
    // By types alone a label in the role of objects can always be found, with any user.
    assert.deepEqual(less, []);
    assert.deepEqual(
      [...allowed].filter((each) => !rules.has(each)),
      lax,
    );
    assert.deepEqual(answers(policy, silentOf), rulesOf(file, policy, 'dontaudit'));

    const ask = (from: string, to: string, name: string) => [...allowedOf(policy, from, to, name)];
    const [a, b] = ['system_u:system_r:a_t', 'system_u:system_r:b_t'];
    const [c, other] = ['other_u:other_r:c_t', 'system_u:object_r:c_t'];
    // The constraint on "create": another user, unless the source is a_t.
    assert.deepEqual(ask(a, c, 'domain').sort(), ['create', 'transition']);
    assert.deepEqual(ask(b, c, 'domain'), ['transition']);
    // The other one, and the roles between which a label may change.
    assert.deepEqual(ask(c, b, 'domain'), []);
    assert.deepEqual(ask(other, b, 'domain'), ['create']);
    assert.deepEqual(ask('system_u:system_r:also_a_t', a, 'xen'), ['op']);
    assert.throws(() => ask('system_u:system_r:c_t', a, 'xen'), PolicyNameError);
    assert.throws(() => ask('no_t', a, 'xen'), /no type "no_t"/);
    assert.throws(() => ask(a, a, 'file'), /no class "file"/);
  });

  test(`version ${version}: a type has no more than the type that bounds it`, () => {
    // The compiler would refuse it: the rule is made one for the bounded type afterwards.
    const bytes = readFileSync(compile(version, 'allow b_t c_t:resource use;'));
    const [bounded, free] = ['d_t', 'b_t'].map((name) => read(compile(version)).types.get(name));
    const policy = readFlaskPolicy(bytes);
    const rule = Buffer.alloc(12);
    const words = [
      free?.value,
      policy.types.get('c_t')?.value,
      policy.classes.get('resource')?.value,
      1,
    ];
    words.forEach((word, at) => void rule.writeUInt16LE(word ?? 0, at * 2));
    rule.writeUInt32LE(1 << ((policy.classes.get('resource')?.permissions.get('use') ?? 0) - 1), 8);
    const at = bytes.indexOf(rule);
    assert.ok(at > 0 && bytes.indexOf(rule, at + 1) === -1);
    bytes.writeUInt16LE(bounded?.value ?? 0, at);
    const asked = () => [...allowedOf(readFlaskPolicy(bytes), 'd_t', 'c_t', 'resource')];
    // a_t may use c_t's resources, too.
    assert.deepEqual(asked(), ['use']);
    bytes.writeUInt16LE(policy.types.get('event_t')?.value ?? 0, at + 2);
    assert.deepEqual([...allowedOf(readFlaskPolicy(bytes), 'd_t', 'event_t', 'resource')], []);
  });

  test(`version ${version}: hardware has the labels that the source gives it`, () => {
    const policy = read(compile(version));
    const found = policy.resources.map(({ context, ...where }) => ({
      ...where,
      label: contextText(policy, context),
    }));
    const label = (type: string) => `system_u:object_r:${type}`;
    assert.deepEqual(found, [
      { kind: 'irq', first: 9, last: 9, label: label('b_t') },
      { kind: 'ioport', first: 0x60, last: 0x60, label: label('c_t') },
      { kind: 'ioport', first: 0x3f8, last: 0x3ff, label: label('b_t') },
      { kind: 'iomem', first: 0xfed40, last: 0xfed44, label: label('c_t') },
      { kind: 'pci', first: 0x118, last: 0x118, label: label('d_t') },
      ...(version < 30
        ? []
        : [{ kind: 'devicetree', first: 0, last: 0, path: '/soc/uart', label: label('a_t') }]),
    ]);
  });

  test(`version ${version}: a policy cut off, made longer or changed is refused, or answers`, () => {
    const bytes = readFileSync(compile(version));
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => readFlaskPolicy(bytes.subarray(0, length)), PolicyFormatError);
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(4)]);
    assert.throws(() => readFlaskPolicy(longer), /4 bytes follow the policy/);
    const random = new Random(version);
    let accepted = 0;
    for (let run = 0; run < 1500; run++) {
      const changed = Buffer.from(bytes);
      for (let changes = 1 + random.below(3); changes > 0; changes--) {
        changed[random.below(changed.length)] = random.pick([0, 1, 255, random.below(256)]);
      }
      try {
        const policy = readFlaskPolicy(changed);
        accepted++;
        answers(policy, allowedOf);
        answers(policy, silentOf);
      } catch (error) {
        if (!(error instanceof PolicyFormatError)) throw error;
      }
    }
    assert.ok(accepted > 50 && accepted < 1450, `${accepted} accepted`);
  });
}
