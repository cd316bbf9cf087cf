/** `domb policy explain`, `why` and `from-denials`, as users start them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { allowedOf } from '../../../boot-configs/policy/allowed.ts';
import { isAllowed } from '../../../boot-configs/policy/explain/rights.ts';
import type { Policy } from '../../../boot-configs/policy/model.ts';
import { readFlaskPolicy } from '../../../boot-configs/policy/policy.ts';
import {
  readSourceRules,
  rulesAbout,
  type SourceRule,
} from '../../../boot-configs/policy/source/source-rules.ts';
import { buildPolicy, policySource } from '../../../platform/policy/build.ts';
import { type DombRun, domb, file } from '../../lib/domb.ts';
import { assertShape } from '../../lib/json-shape.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-policy-'));
after(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);
/** The platform of guests with TPMs, whose guests are ordinary ones here. */
const vtpm = at('vtpm.yaml');
const protectedGuests = file('boot-configs/vtpm.yaml');

let policy: Policy;
let sources: SourceRule[];
let conf: string;

before(async () => {
  const text = readFileSync(protectedGuests, 'utf8');
  writeFileSync(vtpm, text.replaceAll('system_r:guarded_t', 'system_r:domU_t'));
  const bytes = readFileSync(await buildPolicy());
  policy = readFlaskPolicy(bytes);
  conf = (await policySource(bytes)) ?? '';
  sources = readSourceRules(conf);
  // A policy whose modules nobody knows, with rules that ours may not have.
  const [first = ''] = /neverallow [^;]*;/.exec(conf) ?? [];
  const other = conf.replace(first, more).replaceAll(/neverallow [^;]*;/g, '');
  writeFileSync(at('other.conf'), other);
  execFileSync('checkpolicy', ['-t', 'Xen', '-c', '30', '-o', at('other'), at('other.conf')]);
});

/** A type of domains that is built under another, a label of hardware, and a type that is refused nothing. */
const more = `
type sealed_t, domain_type;
type sealed_t_building, domain_type;
allow sealed_t_building sealed_t:domain transition;
allow domB_t sealed_t_building:domain { create setvcpucontext pause };
allow domB_t sealed_t_building:mmu { map_read map_write };
allow domB_t sealed_t_building:domain2 relabelfrom;
allow domB_t sealed_t:domain2 relabelto;
allow dom0_t sealed_t:domain getdomaininfo;
type timer_t, resource_type;
allow dom0_t timer_t:resource { setup use_iommu };
permissive driver_t;
`;

async function policyCommand(...argv: string[]): Promise<DombRun> {
  return domb(['policy', ...argv]);
}

async function ended(status: number, ...argv: string[]): Promise<string> {
  const run = await policyCommand(...argv);
  assert.deepEqual([run.status, run.error], [status, ''], argv.join(' '));
  return run.out;
}

test('the rules of the modules are those of the compiled policy, permission by permission, and violate no assertion', () => {
  const written = conf.match(/^\s*(allow|dontaudit|neverallow) [^;]*:[^;]*;/gm) ?? [];
  assert.equal(sources.length, written.length);
  let allowed = 0;
  for (const source of policy.types.keys()) {
    for (const target of policy.types.keys()) {
      for (const [name, { permissions }] of policy.classes) {
        const compiled = allowedOf(policy, source, target, name);
        for (const permission of permissions.keys()) {
          const access = { source, target, class: name, permission };
          const rules = rulesAbout(sources, policy, 'allow', access);
          assert.equal(rules.length > 0, compiled.has(permission), JSON.stringify(access));
          if (rules.length === 0) continue;
          allowed += 1;
          assert.deepEqual(rulesAbout(sources, policy, 'neverallow', access), []);
        }
      }
    }
  }
  assert.ok(allowed > 500, `${allowed}`);
});

test('explain fits on few pages, and says who may look into whom', async () => {
  const text = await ended(0, 'explain', vtpm, '--flows');
  assert.ok(text.split('\n').length < 160, `${text.split('\n').length}`);
  const [, power = ''] = /\nWho has power over them\n(.*?)\n\n/s.exec(text) ?? [];
  const over = new Map(
    power
      .split(/\n(?! {4})/)
      .map((entry) => entry.trim().replaceAll(/\s+/g, ' '))
      .map((entry) => [entry.split(' ')[0], entry]),
  );
  assert.match(over.get('vtpm') ?? '', /dom0 can .*map pages that it grants/);
  // Domain 0 holds ordinary guests in its hands, and not the vTPM domain.
  assert.match(over.get('ledger/signer/later') ?? '', /dom0 can read and write its memory/);
  assert.doesNotMatch(over.get('vtpm') ?? '', /dom0 can read/);
  assert.match(text, /^from ledger\/signer\/later guests, to$/m);
  assert.match(text.replaceAll(/\s+/g, ' '), /each other over vtpm, or over dom0, /);
  assert.match(text, /\(domU_t\) may\n(?: .*\n)*? {2}itself +what every domain does/);
  const all = await ended(0, 'explain', vtpm, '--all');
  assert.match(all, /\[mmu \{ .*map_read/s);
});

test('what explain says in JSON is what the compiled policy allows', async () => {
  const text = await ended(0, 'explain', vtpm, '--json');
  const { rights } = JSON.parse(text);
  assert.ok(rights.length > 10);
  for (const { source, target, permissions } of rights) {
    const seen = new Set(permissions.map((p: { class: string }) => p.class));
    for (const name of policy.classes.keys()) {
      const held = permissions.filter((p: { class: string }) => p.class === name);
      const own = held.map((p: { permission: string }) => p.permission);
      // The type that a domain is to itself stands behind "itself".
      const right = rights.find((r: { source: string; target: string }) => r.source === source);
      assert.ok(right);
      if (!seen.has(name) || source === target) continue;
      assert.deepEqual(own, [...allowedOf(policy, source, target, name)], `${source} ${target}`);
    }
  }
});

test('protected guests are told apart from those that domain 0 creates', async () => {
  const text = await ended(0, 'explain', protectedGuests);
  const [, over = ''] =
    /^ {2}ledger\/signer {2,}((?:.*\n {20})*.*)/m.exec(text.slice(text.indexOf('Who has power'))) ??
    [];
  assert.match(over, /dom0 can .*map pages/s);
  assert.doesNotMatch(over, /memory|registers/);
  assert.match(text, /^ {2}later guests +domB can.*dom0 can read and write\s+its memory/ms);
});

test('a picture shows the domains and what joins them', async () => {
  const text = await ended(0, 'explain', vtpm, '--mermaid');
  const node = (type: string) => new RegExp(`(n\\d+)\\["[^"]*<br>${type}"\\]`).exec(text)?.[1];
  const [vtpmNode, dom0, guests] = ['vtpm_t', 'dom0_t', 'domU_t'].map(node);
  assert.ok(vtpmNode && dom0 && guests, text);
  assert.ok(text.startsWith('flowchart TD\n'));
  assert.ok(text.includes(`${dom0} ==>|reads and writes its memory| ${guests}`), text);
  assert.doesNotMatch(text, new RegExp(`==>\\|[^|]*\\| ${vtpmNode}\\b`));
  assert.match(text, new RegExp(`${vtpmNode} ---\\|granted pages, events\\| ${guests}`));
});

test('a type that domains have while they are built is told beside the one that they get', async () => {
  const manifest = readFileSync(vtpm, 'utf8').replace('system_r:domU_t', 'system_r:sealed_t');
  writeFileSync(at('sealed.yaml'), manifest);
  const argv = ['explain', at('sealed.yaml'), '--policy', at('other')];
  const text = await ended(0, ...argv);
  assert.match(text, /sealed_t; while it is built sealed_t_building: domains 1, 2/);
  assert.match(text, /ledger\/signer being built\n +create and build it/);
  assert.match(text, /^Xen refuses driver_t nothing/m);
  const shown = [
    await ended(0, ...argv, '--json'),
    await ended(0, 'explain', vtpm, '--json', '--flows', '--weight', '10'),
  ];
  assertShape('policy explain', shown);
});

test('why answers with the rules, and where they stand', async () => {
  const yes = await ended(0, 'why', 'dom0', 'vtpm', 'see', '--manifest', vtpm);
  assert.match(yes, /^yes: see, dom0 \(dom0_t\) to vtpm \(vtpm_t\)\n/);
  assert.match(yes, /^ {4}allow dom0_t vtpm_t:domain getdomaininfo;$/m);
  const [, module = '', line = '0'] =
    /^ {4}(platform\/\S+\.te):(\d+): allow dom0_t vtpm_t/m.exec(yes) ?? [];
  const place = readFileSync(file(module), 'utf8').split('\n')[Number(line) - 1];
  assert.match(place ?? '', /vtpm_t/);
  const no = await ended(0, 'why', 'dom0_t', 'vtpm_t', 'read', 'memory');
  assert.match(no, /^no: read memory, dom0_t to vtpm_t\n/);
  assert.match(
    no,
    /mmu:map_read, dom0_t to vtpm_t: refused \(read its memory\)\n {4}no rule allows it\n {4}platform\/policy\/modules\/assertions.te:\d+: neverallow /,
  );
  const label = 'system_u:system_r:domU_t';
  const events = await ended(0, 'why', label, 'vtpm_t', 'share-events');
  assert.match(events, /^yes: share-events/);
  assert.match(events, /event:bind, domU_t_channel to vtpm_t: allowed/);
  const guests = await ended(0, 'why', 'domU_t', 'domU_t', 'share-events');
  assert.match(guests, /^no: /);
  const itself = await ended(0, 'why', 'ledger', 'self', 'mmu:map_read', '--manifest', vtpm);
  assert.match(itself, /^yes: .*\(domU_t_self\)/);
  assert.match(await ended(0, 'why', 'domU_t', 'vtpm_t', 'xen:debug'), /towards xen_t only/);
  const quiet = await ended(0, 'why', 'domU_t', 'xen', 'xen_commandline');
  assert.match(quiet, /^no: .*does not log it/s);
  assert.doesNotMatch(no, /does not log it/);
});

test('why says so where the modules are not known, and where a permissive type is refused nothing', async () => {
  const text = await ended(0, 'why', 'driver_t', 'xen', 'power down', '--policy', at('other'));
  assert.match(text, /^yes: /);
  assert.match(text, /permissive/);
  assert.match(text, /The modules of this policy are not known here/);
  copyFileSync(await buildPolicy(), at('copy'));
  const known = await ended(0, 'why', 'domU_t', 'xen', 'power-down', '--policy', at('copy'));
  assert.match(known, /platform\/policy\/modules\/assertions.te:\d+/);
  const shown = [
    await ended(0, 'why', 'driver_t', 'xen', 'power-down', '--policy', at('other'), '--json'),
    await ended(0, 'why', 'dom0_t', 'vtpm_t', 'xen:debug', '--json'),
    await ended(0, 'why', 'dom0_t', 'xen', 'sleep', '--json'),
  ];
  assertShape('policy why', shown);
});

test('lines of modules of an own are known where the policy was compiled with them here', async () => {
  mkdirSync(at('own.d'));
  const lines = [
    '# Its own.',
    "define(`no_heap', `",
    '\tdontaudit $1 xen_t:xen heap;',
    "')",
    'no_heap(domU_t)',
  ];
  writeFileSync(at('own.d/heap.te'), `${lines.join('\n')}\n`);
  const build = await domb(['policy', 'build', at('own.d'), '-o', at('own')]);
  assert.deepEqual([build.status, build.error], [0, '']);
  const text = await ended(0, 'why', 'domU_t', 'xen', 'heap', '--policy', at('own'));
  assert.match(text, /^no: .*\n {4}own.d\/heap.te:5: dontaudit domU_t xen_t:xen heap;\n/s);
});

test('every answer of why is that of the policy', async () => {
  const asked = [
    ['dom0_t', 'vtpm_t', 'mmu', 'map_read'],
    ['dom0_t', 'domU_t', 'mmu', 'map_read'],
    ['vtpm_t', 'domU_t', 'grant', 'map_write'],
    ['domU_t', 'domB_t', 'domain', 'pause'],
    ['domB_t', 'security_t', 'security', 'load_policy'],
    ['dom0_t', 'security_t', 'security', 'load_policy'],
  ] as const;
  for (const [source, target, name, permission] of asked) {
    const { allowed } = JSON.parse(
      await ended(0, 'why', source, target, `${name}:${permission}`, '--json'),
    );
    assert.equal(allowed, isAllowed(policy, source, target, name, permission));
  }
});

test('whom and what nobody knows is a mistake of the question', async () => {
  const cases: [argv: string[], says: RegExp][] = [
    [['why', 'dom0', 'vtpm_t', 'pause'], /"dom0"\n {2}hint: did you mean/],
    [['why', 'dom0_t', 'vtpm_x', 'pause'], /"vtpm_x"\n {2}hint: did you mean "vtpm_t"/],
    [['why', 'dom0_t', 'a:b:c', 'pause'], /no user "a"/],
    [['why', 'dom0_t', 'vtpm_t', 'paus'], /did you mean "pause"/],
    [['why', 'dom0_t', 'vtpm_t', '__proto__'], /no action and no permission/],
    [['why', 'constructor', 'vtpm_t', 'pause'], /"constructor"/],
    [['why', 'dom0_t', 'vtpm_t'], /ACTION/],
    [['explain', vtpm, '--weight', '3'], /add --flows/],
    [['explain', vtpm, '--flows', '--weight', '11'], /1 to 10/],
    [['explain', vtpm, '--mermaid', '--flows'], /picture/],
  ];
  for (const [argv, says] of cases) {
    const { status, out, error } = await policyCommand(...argv);
    assert.deepEqual([status, out], [2, ''], argv.join(' '));
    assert.match(error, says);
  }
  const unlabelled = await policyCommand('explain', vtpm, '--policy', vtpm);
  assert.equal(unlabelled.status, 1);
  writeFileSync(
    at('odd.yaml'),
    readFileSync(vtpm, 'utf8').replace('system_r:vtpm_t', 'system_r:vtmp_t'),
  );
  const odd = await policyCommand('explain', at('odd.yaml'));
  assert.equal(odd.status, 1);
  assert.match(odd.error, /odd.yaml:\d+:\d+: .*"vtmp_t"/);
});

test('names in a policy do not steer a terminal', async () => {
  const bytes = readFileSync(await buildPolicy()).toString('latin1');
  const odd = '\u001b[31mr_t';
  writeFileSync(at('odd'), bytes.replaceAll('driver_t', odd), 'latin1');
  const runs = [
    await policyCommand('why', '[31mr_t', 'xen', 'sleep', '--policy', at('odd')),
    await policyCommand('why', odd, 'xen', 'sleep', '--policy', at('odd')),
    await policyCommand('why', odd, 'xen', 'sleep', '--policy', at('odd'), '--json'),
    await policyCommand('explain', vtpm, '--policy', at('odd'), '--flows', '--all'),
    await policyCommand('explain', vtpm, '--policy', at('odd'), '--mermaid'),
    await policyCommand('explain', vtpm, '--policy', at('odd'), '--json'),
  ];
  assert.deepEqual(
    runs.map(({ status }) => status),
    [2, 0, 0, 0, 0, 0],
  );
  for (const { out, error } of runs) assert.doesNotMatch(out + error, /[^\n\x20-\x7e]/);
  assert.match(runs[1]?.out ?? '', /u001b/);
});

const denied = (permission: string, source: string, target: string, about: string) =>
  `(XEN) avc:  denied  { ${permission} } for current=d0 scontext=system_u:system_r:${source} tcontext=system_u:system_r:${target} tclass=${about}\n`;

test('from-denials proposes rules, says where they would go and what forbids them, and changes nothing', async () => {
  writeFileSync(
    at('console.log'),
    [
      denied('map_read', 'dom0_t', 'vtpm_t', 'mmu'),
      denied('setdebugging', 'dom0_t', 'domU_t', 'domain'),
      denied('pause', 'dom0_t', 'domU_t', 'domain'),
      denied('pause', 'nobody_t', 'domU_t', 'domain'),
      `(d5) ${denied('pause', 'domU_t', 'dom0_t', 'domain')}`,
      '(XEN) avc:  denied  { \u001b[2J\u001b]0;title\u0007 } for tclass=\u001b[31m\n',
    ].join(''),
  );
  const modules = readFileSync(file('platform/policy/modules/control.te'));
  const text = await ended(0, 'from-denials', at('console.log'));
  assert.deepEqual(readFileSync(file('platform/policy/modules/control.te')), modules);
  assert.doesNotMatch(text, /[^\n\x20-\x7e]/);
  assert.match(
    text,
    /1\. dom0_t was refused mmu \{ map_read \} over vtpm_t \(line 1\)\n {3}allow dom0_t vtpm_t:mmu map_read;/,
  );
  assert.match(text, /towards vtpm_t: read its memory\n/);
  assert.match(text, /information goes from vtpm_t to dom0_t \(10 of 10\)/);
  assert.match(
    text,
    /it would not compile: platform\/policy\/modules\/assertions.te:\d+: neverallow/,
  );
  assert.match(
    text,
    /2\. .*\n {3}this policy allows pause already\n {3}allow dom0_t domU_t:domain setdebugging;/,
  );
  assert.match(text, /it would go into platform\/policy\/modules\/domu.te/);
  assert.match(text, /the policy has no nobody_t/);
  assert.match(text, /printed by a domain, in lines 5\./);
  assert.match(text, /say too little, in lines 6\./);
  const shown = [
    await ended(0, 'from-denials', at('console.log'), '--json'),
    await ended(0, 'from-denials', at('console.log'), '--json', '--policy', at('other')),
  ];
  assertShape('policy from-denials', shown);
  const piped = await domb(['policy', 'from-denials', '-'], {
    stdin: Buffer.from([0, 255, 10, 27]),
  });
  assert.deepEqual([piped.status, piped.out], [0, 'There is no refusal in this console.\n']);
});
