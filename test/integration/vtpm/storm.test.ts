/** A guest that writes its state without end, seen through real libxenstore: memory stays, and other guests are served (XSA-349's class). */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LIMITS } from '../../../vtpm/backend/attention.ts';
import { XenbusState } from '../../../vtpm/backend/device.ts';
import { FakeXenstored } from '../../lib/fake-xenstored.ts';

const root = join(import.meta.dirname, '../../..');
/** Milliseconds that the whole of it may take on a busy machine. */
const PATIENCE = 60_000;
/** Milliseconds, of /proc/PID/stat: USER_HZ is 100 on x86. */
const TICK = 10;
const module = (path: string) => JSON.stringify(join(root, path));

/** A back end for which Xen has two guests, whose TPMs are not used. */
const program = `
  const { Backend } = await import(${module('vtpm/backend/backend.ts')});
  const { GuestRegister } = await import(${module('vtpm/backend/register.ts')});
  const { Xenstore } = await import(${module('vtpm/backend/xenstore.ts')});
  const { FakePage, FakeRings } = await import(${module('test/lib/fake-xen-devices.ts')});
  const rings = new FakeRings();
  for (const domid of [5, 6]) {
    rings.pages.set(domid + '/8', new FakePage());
    rings.channels.add(domid + '/9');
  }
  const xen = (domid) => ({ uuid: 'domain ' + domid, sid: 7, dying: false });
  const backend = new Backend({
    store: new Xenstore(), rings, say: console.log, now: () => performance.now(),
    register: new GuestRegister([], xen), startTpm: async () => ({ stop: async () => {} }),
  });
  await backend.serve();`;

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-storm-'));
});
after(() => rm(scratch, { recursive: true }));

test('a storm of changes takes no memory, and keeps no other guest waiting', async () => {
  const store = new FakeXenstored(0x7fe0);
  const path = join(scratch, 'socket');
  await store.listen(path);
  const frontend = (domid: number) => `/local/domain/${domid}/device/vtpm/0`;
  const backend = (domid: number) => `/local/domain/${0x7fe0}/backend/vtpm/${domid}/0`;
  for (const domid of [5, 6]) {
    store.entries.set(`${backend(domid)}/frontend`, frontend(domid));
    store.entries.set(`${frontend(domid)}/state`, '1');
    for (const [name, value] of [
      ['ring-ref', '8'],
      ['event-channel', '9'],
      ['feature-protocol-v2', '1'],
    ] as const) {
      store.entries.set(`${frontend(domid)}/${name}`, value);
    }
  }
  const states = new Map<string, () => void>();
  store.wrote = (at, value) => states.get(`${at} ${value}`)?.();
  const reached = (domid: number, state: number) =>
    new Promise<void>((resolve) => states.set(`${backend(domid)}/state ${state}`, resolve));
  const offered = [5, 6].map((domid) => reached(domid, XenbusState.initWait));
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, XENSTORED_PATH: path },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  try {
    await Promise.all(offered);
    const memory = () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'latin1');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    };
    // What the back end does for its guests is counted in its own processor time, as others may want the processors.
    const used = () => {
      const words = readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(' ');
      return (Number(words[13]) + Number(words[14])) * TICK;
    };
    const refused = () =>
      said.includes(
        '/local/domain/5/device/vtpm/0 changes too often: it is not looked at for 10 s\n',
      );
    const before = memory();
    let [most, changes, asked, waited] = [before, 0, Number.NaN, Number.NaN];
    let [askedAt, passed] = [Number.NaN, Number.NaN];
    const connected = reached(6, XenbusState.connected).then(() => {
      waited = used() - asked;
      passed = performance.now() - askedAt;
    });
    const end = performance.now() + PATIENCE;
    for (let round = 0; !refused() || Number.isNaN(waited); round++) {
      assert.ok(
        performance.now() < end,
        `after ${changes} changes the other guest has waited ${waited} ms, and this was said: ${said}`,
      );
      // Distinct ones, as fast as they are taken, for as long as the guest is watched.
      for (let more = true, left = 1000; more && left > 0 && store.watches.has('5/0'); left--) {
        changes += 1;
        more = store.changed(`${frontend(5)}/state${left % 2 === 0 ? '' : `/${changes}`}`);
      }
      if (round === 5) {
        asked = used();
        askedAt = performance.now();
        store.entries.set(`${frontend(6)}/state`, String(XenbusState.initialised));
        store.changed(`${frontend(6)}/state`);
      }
      await sleep(10);
      most = Math.max(most, memory());
    }
    await connected;
    // What it still has to read.
    for (let rest = 0; rest < 100; rest++) {
      await sleep(10);
      most = Math.max(most, memory());
    }
    assert.ok(changes > 500, `${changes} changes`);
    assert.ok(most - before < 48, `from ${before} to ${most} MiB after ${changes} changes`);
    assert.ok(waited < 1000, `the other guest waited while the back end worked for ${waited} ms`);
    // Nor is it let alone as the first one is.
    assert.ok(passed < LIMITS.window, `the other guest waited for ${passed} ms`);
  } finally {
    child.kill('SIGKILL');
    store.close();
  }
});
