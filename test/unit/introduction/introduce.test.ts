import assert from 'node:assert/strict';
import { test } from 'node:test';
import { introduceAll } from '../../../introduction/introduce.ts';
import { IntroductionError } from '../../../introduction/introduction-error.ts';
import { libxlConfiguration } from '../../../introduction/libxl-config.ts';
import { domainNodes } from '../../../introduction/nodes.ts';
import { type BootRecord, parseBootRecord } from '../../../introduction/record.ts';
import { aRecord, fakeControlDomain, uuid } from './support.ts';

const record = (more: Record<string, unknown> = {}): BootRecord =>
  parseBootRecord(JSON.stringify(aRecord(more)), 'record.json');
const there = [{ domid: 0 }, { domid: 1, uuid }];
const now = 1_700_000_000.5;

test('a domain with a ring is described and introduced, once', () => {
  const control = fakeControlDomain(there);
  assert.deepEqual(introduceAll(record(), control, now), [
    { name: 'guest', domid: 1, outcome: 'introduced' },
  ]);
  assert.deepEqual(control.deeds, ['configure 1', 'write 1', 'introduce 1 4660 3']);
  assert.equal(introduceAll(record(), control, now + 9)[0]?.outcome, 'was introduced');
  assert.equal(control.deeds.length, 3);
});

test('what xenstore has lost of a domain is written anew, and nothing else', () => {
  const control = fakeControlDomain([
    { domid: 0, uuid: uuid.replace('5', '6') },
    { domid: 1, uuid },
  ]);
  const served = record({ vtpm: 'dom0' });
  introduceAll(served, control, now);
  const all = new Map(control.nodes);
  const remove = (directory: string) => {
    for (const path of control.nodes.keys())
      if (path.startsWith(directory)) control.nodes.delete(path);
  };
  const outcome = () => introduceAll(served, control, now)[0]?.outcome;
  const state = '/local/domain/1/device/vtpm/0/state';
  control.nodes.set(state, { path: state, value: '4', access: 'own' });
  assert.equal(outcome(), 'was introduced');
  // As when dom0 tries to destroy the domain that serves the TPM.
  remove('/local/domain/0/backend');
  assert.equal(outcome(), 'introduced');
  assert.equal(control.read(state), '4');
  assert.equal(control.read('/local/domain/0/backend/vtpm/1/0/uuid'), uuid);
  // Its state is the back end's to say.
  assert.equal(control.read('/local/domain/0/backend/vtpm/1/0/state'), undefined);
  assert.equal(outcome(), 'was introduced');
  remove('/local/domain/1');
  assert.equal(outcome(), 'introduced');
  assert.deepEqual(control.nodes.get(state), all.get(state));
  assert.deepEqual(new Set(control.nodes.keys()), new Set(all.keys()));
  assert.deepEqual(
    control.deeds.filter((deed) => deed.startsWith('introduce')),
    ['introduce 1 4660 3'],
  );
});

test('dom0 gets the device of its own TPM, once, and nothing else', () => {
  const [dom0, vtpm] = aRecord({ name: 'vtpm' }).domains;
  const served = parseBootRecord(
    JSON.stringify({ ...aRecord(), domains: [{ ...dom0, vtpm: 'vtpm' }, vtpm] }),
    'record.json',
  );
  const control = fakeControlDomain(there);
  const outcomes = () =>
    introduceAll(served, control, now).map(({ name, outcome }) => [name, outcome]);
  // After the domain that serves it.
  assert.deepEqual(outcomes(), [
    ['vtpm', 'introduced'],
    ['dom0', 'introduced'],
  ]);
  assert.equal(control.read('/local/domain/0/device/vtpm/0/backend-id'), '1');
  const own = [...control.nodes].filter(([path]) => /^\/(local\/domain|libxl)\/0\//.test(path));
  assert.ok(own.every(([path]) => path.includes('/device/vtpm')));
  assert.equal(control.read('/local/domain/1/backend/vtpm/0/0/uuid'), uuid.replace('5', '6'));
  assert.equal(control.deeds.filter((deed) => deed.startsWith('introduce')).length, 1);
  assert.deepEqual(outcomes(), [
    ['vtpm', 'was introduced'],
    ['dom0', 'was introduced'],
  ]);
  const alone = fakeControlDomain([{ domid: 0 }]);
  const [, refused] = introduceAll(served, alone, now);
  assert.match(refused?.problem?.message ?? '', /domain 1, which serves the TPM of dom0, is gone/);
});

test('a domain without a ring gets its name, also where a script wrote that before, once', () => {
  const control = fakeControlDomain(there);
  control.nodes.set('/local/domain/1/name', {
    path: '/local/domain/1/name',
    value: 'guest',
    access: 'tools',
  });
  const plain = record({ xenstore: undefined });
  assert.equal(introduceAll(plain, control, now)[0]?.outcome, 'named');
  assert.deepEqual(control.deeds, ['configure 1', 'write 1']);
  assert.equal(introduceAll(plain, control, now)[0]?.outcome, 'was named');
  assert.ok(!control.nodes.has('/local/domain/1/control/shutdown'));
});

test('nobody gets the place of a domain that is gone', () => {
  const outcome = (existing: Parameters<typeof fakeControlDomain>[0]) => {
    const control = fakeControlDomain(existing);
    const [introduction] = introduceAll(record(), control, now);
    assert.deepEqual(control.deeds, []);
    return introduction?.outcome;
  };
  assert.equal(outcome([]), 'is gone');
  assert.equal(outcome([{ domid: 1, uuid, dying: true }]), 'is gone');
  assert.equal(outcome([{ domid: 1, uuid: uuid.replace('5', '7') }]), 'is another domain');
});

test('a domain that fails does not keep the others from being introduced', () => {
  const control = fakeControlDomain([...there, { domid: 2, uuid: uuid.replace('5', '8') }]);
  const two = record();
  const [, first] = two.domains;
  assert.ok(first);
  two.domains.push({ ...first, name: 'second', domid: 2, uuid: uuid.replace('5', '8') });
  const introduce = control.introduce.bind(control);
  control.introduce = (domain, ring) => {
    if (domain.domid === 1) throw new IntroductionError('cannot', 'do something');
    introduce(domain, ring);
  };
  assert.deepEqual(
    introduceAll(two, control, now).map(({ outcome, problem }) => [outcome, problem?.hint]),
    [
      ['failed', 'do something'],
      ['introduced', undefined],
    ],
  );
});

test('a late hardware domain is told that it cannot', () => {
  const late = { ...record(), hardwareDomid: 5 };
  assert.throws(
    () => introduceAll(late, fakeControlDomain(there), now),
    (error) => error instanceof IntroductionError && /boot-domain/.test(error.hint),
  );
});

test('the nodes: sizes, vCPUs, rings, and what the domain may write', () => {
  const [, domain] = record({ maxVcpus: 3, console: { frame: 7, port: 4 } }).domains;
  assert.ok(domain);
  const nodes = new Map(domainNodes(domain, now).map((node) => [node.path, node]));
  const value = (path: string) => nodes.get(`/local/domain/1/${path}`)?.value;
  assert.deepEqual(['name', 'vm', 'domid', 'memory/target', 'memory/static-max'].map(value), [
    'guest',
    `/vm/${uuid}`,
    '1',
    '131072',
    '262144',
  ]);
  assert.deepEqual(
    [0, 1, 2, 3].map((cpu) => value(`cpu/${cpu}/availability`)),
    ['online', 'online', 'offline', undefined],
  );
  assert.deepEqual(
    ['store/port', 'store/ring-ref', 'console/port', 'console/ring-ref'].map(value),
    ['3', '4660', '4', '7'],
  );
  assert.equal(nodes.get(`/vm/${uuid}/start_time`)?.value, '1700000000.50');
  const own = [...nodes.values()].filter(({ access }) => access === 'own');
  const allowed = /^\/local\/domain\/1\/(control|device\/suspend|data|drivers|feature|attr|error)/;
  assert.ok(own.length > 5 && own.every(({ path }) => allowed.test(path)));
  const tools = [...nodes.values()].filter(({ access }) => access === 'tools');
  assert.ok(tools.every(({ path }) => path.startsWith('/libxl/1')));
  // Parents come first, or they would be made with the rights of theirs.
  const order = [...nodes.keys()];
  for (const [index, path] of order.entries()) {
    const parent = order.indexOf(path.replace(/\/[^/]*$/, ''));
    assert.ok(parent < index, path);
  }
});

test('a vTPM: each side writes its own directory and reads the other', () => {
  const [, domain] = record({ vtpm: 'dom0' }).domains;
  assert.ok(domain);
  assert.deepEqual(domain.vtpm, { domid: 0, uuid: uuid.replace('5', '6') });
  const vtpm = { domid: 7, uuid };
  const nodes = new Map(domainNodes({ ...domain, vtpm }, now).map((node) => [node.path, node]));
  const frontend = '/local/domain/1/device/vtpm/0';
  const backend = '/local/domain/7/backend/vtpm/1/0';
  const values = (at: string, names: string[]) =>
    names.map((name) => nodes.get(`${at}/${name}`)?.value);
  assert.deepEqual(values(frontend, ['backend', 'backend-id', 'state']), [backend, '7', '1']);
  assert.deepEqual(values(backend, ['frontend', 'frontend-id', 'state', 'online', 'uuid']), [
    ...[frontend, '1', '1', '1', uuid],
  ]);
  assert.deepEqual(values('/libxl/1/device/vtpm/0', ['frontend', 'backend']), [frontend, backend]);
  for (const [path, { access }] of nodes) {
    if (path.startsWith(frontend)) assert.deepEqual(access, { owner: 1, reader: 7 });
    else if (path.startsWith(backend)) assert.deepEqual(access, { owner: 7, reader: 1 });
    else if (path.startsWith('/local/domain/7')) assert.deepEqual(access, { owner: 0, reader: 7 });
    else assert.equal(typeof access, 'string');
  }
});

test('without xenstore, or when its server is not there, a domain gets no vTPM', () => {
  for (const more of [{ vtpm: 'dom0', xenstore: undefined }, { vtpm: 'gone' }, {}]) {
    const [, domain] = record(more).domains;
    assert.ok(domain);
    assert.ok(domainNodes(domain, now).every(({ path }) => !path.includes('vtpm')));
  }
});

test('a domid that is not the vTPM domain of the boot any more serves nobody', () => {
  const backend = { domid: 0, uuid: uuid.replace('5', '6') };
  const outcome = (...existing: Parameters<typeof fakeControlDomain>[0]) => {
    const control = fakeControlDomain([{ domid: 1, uuid }, ...existing]);
    const [told] = introduceAll(record({ vtpm: 'dom0' }), control, now);
    assert.equal(control.deeds.length > 0, told?.outcome === 'introduced');
    return told?.problem?.message ?? told?.outcome;
  };
  assert.equal(outcome(backend), 'introduced');
  assert.match(outcome({ ...backend, uuid }) ?? '', /TPM of guest, is another domain by now/);
  assert.match(outcome({ ...backend, dying: true }) ?? '', /TPM of guest, is gone/);
  assert.match(outcome() ?? '', /TPM of guest, is gone/);
});

test('a vTPM device that is there stays as it is, unless it is of another domain', () => {
  const backend = { domid: 0, uuid: uuid.replace('5', '6') };
  const state = '/local/domain/0/backend/vtpm/1/0/state';
  const connected = { path: state, value: '4', access: 'tools' } as const;
  for (const [owner, left] of [
    [uuid, '4'],
    [uuid.replace('5', '9'), '1'],
  ] as const) {
    const control = fakeControlDomain([{ domid: 1, uuid }, backend]);
    control.nodes.set(state, connected);
    const path = '/local/domain/0/backend/vtpm/1/0/uuid';
    control.nodes.set(path, { path, value: owner, access: 'tools' });
    const [told] = introduceAll(record({ vtpm: 'dom0' }), control, now);
    assert.equal(told?.outcome, 'introduced');
    assert.equal(control.nodes.get(state)?.value, left);
  }
});

test("libxl's configuration names the domain, its label and its size", () => {
  const [, domain] = record().domains;
  assert.ok(domain);
  const { c_info, b_info } = JSON.parse(libxlConfiguration(domain, 'system_u:system_r:mail_t'));
  assert.deepEqual(c_info, {
    ...{ type: 'pv', name: 'guest', uuid },
    ssid_label: 'system_u:system_r:mail_t',
  });
  assert.deepEqual([b_info.max_vcpus, b_info.avail_vcpus], [2, [0, 1]]);
});
