import assert from 'node:assert/strict';
import { test } from 'node:test';
import { introduceAll } from '../../../introduction/introduce.ts';
import { namePath } from '../../../introduction/nodes.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { storeDaemonOf } from '../../../introduction/store-daemon.ts';
import { aRecord, fakeControlDomain, uuid } from './support.ts';

test('the daemon is known by what it says of itself in xenstore', () => {
  // In C it leaves its node empty.
  for (const nothing of [undefined, '', '/usr/lib/xen-4.17/bin/xenstored']) {
    assert.equal(storeDaemonOf(nothing), 'xenstored');
  }
  for (const program of ['oxenstored', '/usr/lib/xen-4.17/bin/oxenstored']) {
    assert.equal(storeDaemonOf(program), 'oxenstored');
  }
});

/** A dom0 with oxenstored and two guests, of which it may map the memory of one. */
function oxenstoredDom0() {
  const [dom0, first] = aRecord({ pci: [] }).domains;
  const second = { ...first, name: 'second', domid: 2, uuid: uuid.replace('5', '7') };
  const value = { ...aRecord(), domains: [dom0, first, second] };
  const control = fakeControlDomain([
    { domid: 0, seclabel: 'system_u:system_r:dom0_t' },
    { domid: 1, uuid, seclabel: 'system_u:system_r:guarded_t' },
    { domid: 2, uuid: second.uuid, seclabel: 'system_u:system_r:domU_t' },
  ]);
  control.storeDaemon = () => 'oxenstored';
  control.mayMap = (seclabel) => seclabel.endsWith('domU_t');
  return { record: parseBootRecord(JSON.stringify(value), 'record.json'), control };
}

test('oxenstored serves whom the policy lets dom0 map; of others it is said why not, and what to set', () => {
  const { record, control } = oxenstoredDom0();
  const told: string[] = [];
  const outcomes = introduceAll(record, control, 0, ({ name }) => told.push(name));
  assert.deepEqual(
    outcomes.map(({ name, outcome }) => [name, outcome]),
    [
      ['guest', 'failed'],
      ['second', 'introduced'],
    ],
  );
  const { message, hint } = outcomes[0]?.problem ?? assert.fail();
  assert.match(
    message,
    /guest gets no xenstore, .*: oxenstored, .* no memory of system_u:system_r:guarded_t/,
  );
  assert.match(hint, /set XENSTORED=\/usr\/sbin\/xenstored in \/etc\/default\/xen and boot anew/);
  // xl shows its name all the same.
  assert.equal(control.nodes.get(namePath(record.domains[1] ?? assert.fail()))?.value, 'guest');
  assert.deepEqual(
    control.deeds.filter((deed) => deed.startsWith('introduce')),
    ['introduce 2 4660 3'],
  );
  assert.deepEqual(told, ['guest', 'second']);
});

test('xenstored serves both: it uses what they grant', () => {
  const { record, control } = oxenstoredDom0();
  control.storeDaemon = () => 'xenstored';
  control.mayMap = () => assert.fail('nobody need ask');
  const outcomes = introduceAll(record, control, 0).map(({ outcome }) => outcome);
  assert.deepEqual(outcomes, ['introduced', 'introduced']);
});
