import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { IntroductionError } from '../../../introduction/introduction-error.ts';
import { withMeasuredStart } from '../../../introduction/measured-start.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { readRestarts, writeRestarts } from '../../../introduction/restarts.ts';
import { describeContent } from '../../../measurement/content.ts';
import { encodeCap, encodeItem } from '../../../measurement/encode.ts';
import { encodeEvent, encodeHeader } from '../../../measurement/event-log/write.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { aRecord, uuid } from './support.ts';

const seclabel = 'system_u:system_r:domU_t';
const target = { pcr: 13, banks: ['sha256'] as const };

function logOf(items: readonly MeasuredItem[], capped = true): Buffer {
  const events = items.map((item, sequence) => encodeItem(item, sequence, target));
  const all = capped ? [...events, encodeCap(target)] : events;
  return Buffer.concat([encodeHeader(target.banks), ...all.map(encodeEvent)]);
}

/** A scene in which all is as measured. */
async function scene(t: TestContext) {
  const scratch = await mkdtemp(join(tmpdir(), 'domb-start-'));
  t.after(() => rm(scratch, { recursive: true }));
  const files = {
    vmlinux: Buffer.alloc(3 << 20, 'k'),
    'a.cpio': Buffer.from('first'),
    'b.cpio': Buffer.from('other'),
  };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(scratch, name), bytes);
  const image = { event: 'image', domain: 'guest' } as const;
  const items: MeasuredItem[] = [
    { event: 'domain', domain: 'guest', domid: 1, type: 'pv', seclabel, capabilities: [] },
    { ...image, component: 'kernel', ...describeContent(files.vmlinux) },
    { ...image, component: 'ramdisk', segment: 0, ...describeContent(files['a.cpio']) },
    { ...image, component: 'ramdisk', segment: 1, ...describeContent(files['b.cpio']) },
    { ...image, component: 'cmdline', ...describeContent(Buffer.from('quiet')) },
  ];
  const again = {
    ...{ kernel: 'vmlinux', ramdisk: ['a.cpio', 'b.cpio'], cmdline: 'quiet', limits: {} },
    ...{ nestedHvm: false, msrRelaxed: false, uuidFixed: false },
  };
  const domain = (more: object = {}) => {
    const record = aRecord({ onReboot: 'restart', pci: [], again, ...more });
    const [, guest] = parseBootRecord(JSON.stringify(record), 'record.json').domains;
    assert.ok(guest);
    return guest;
  };
  const places = {
    log: join(scratch, 'measurement.log'),
    images: scratch,
    copies: join(scratch, 'copies'),
  };
  await writeFile(places.log, logOf(items));
  const start = (guest = domain()) =>
    withMeasuredStart(guest, places, async (measured) => ({
      measured,
      kernel: await readFile(measured.kernel),
      ramdisk: await readFile(measured.ramdisk ?? ''),
      modes: await Promise.all(
        [places.copies, measured.kernel].map(async (path) => (await stat(path)).mode & 0o777),
      ),
    }));
  const refused = async (says: RegExp, guest = domain()) => {
    await assert.rejects(
      start(guest),
      (error) => error instanceof IntroductionError && says.test(error.message),
    );
    await assert.rejects(stat(places.copies), /ENOENT/);
  };
  return { scratch, items, again, domain, places, files, start, refused };
}

test('what was measured is copied, segments as domB joins them, for its user alone, and taken away', async (t) => {
  const { start, files, places } = await scene(t);
  const { measured, kernel, ramdisk, modes } = await start();
  assert.equal(measured.seclabel, seclabel);
  assert.ok(kernel.equals(files.vmlinux));
  const joined = Buffer.concat([files['a.cpio'], Buffer.alloc(4096 - 5), files['b.cpio']]);
  assert.ok(ramdisk.equals(joined));
  assert.deepEqual(modes, [0o700, 0o600]);
  await assert.rejects(stat(places.copies), /ENOENT/);
});

test('a file that is another, longer or shorter is refused, with both digests', async (t) => {
  const { refused, scratch, files } = await scene(t);
  const digest = describeContent(files['b.cpio']).digests.sha256;
  for (const text of ['Other', 'other and more', 'oth', '']) {
    await writeFile(join(scratch, 'b.cpio'), text);
    await refused(
      new RegExp(
        `guest is not built again: .*b.cpio is not the ramdisk that this boot measured: sha256 ${describeContent(Buffer.from(text)).digests.sha256}, where ${digest} was measured`,
      ),
    );
  }
  await rm(join(scratch, 'b.cpio'));
  await refused(/guest: its ramdisk cannot be read: ENOENT/);
});

test('so are segments in another order or number, and another command line', async (t) => {
  const { refused, domain, again } = await scene(t);
  await refused(/a.cpio|b.cpio/, domain({ again: { ...again, ramdisk: ['b.cpio', 'a.cpio'] } }));
  await refused(/another number of ramdisks/, domain({ again: { ...again, ramdisk: ['a.cpio'] } }));
  await refused(
    /its command line is not/,
    domain({ again: { ...again, cmdline: 'quiet single' } }),
  );
});

test('who was measured as somebody else, or not at all, is not built', async (t) => {
  const { refused, domain, places, items } = await scene(t);
  await refused(/was not measured as a pvh domain 1/, domain({ type: 'pvh' }));
  await refused(/was not measured as a pv domain 7/, domain({ domid: 7 }));
  await refused(/was not measured as/, domain({ name: 'web' }));
  const kernels = items.filter((item) => !('component' in item) || item.component !== 'kernel');
  await writeFile(places.log, logOf(kernels));
  await refused(/no kernel was measured for guest/);
});

test('a log that is not whole says nothing', async (t) => {
  const { refused, places, items } = await scene(t);
  const whole = logOf(items);
  const changed = Buffer.from(whole);
  changed[whole.length - 200] = (changed[whole.length - 200] ?? 0) ^ 1;
  await writeFile(places.log, changed);
  await refused(/measurement.log: event log: /);
  await writeFile(places.log, logOf(items, false));
  await refused(/its registers were never capped/);
  await writeFile(places.log, whole);
  await chmod(places.log, 0o1600);
  await refused(/it is incomplete/);
  await rm(places.log);
  await refused(/measurement.log: ENOENT/);
});

test('who was built again is noted, and known to who asks later', async (t) => {
  const { scratch } = await scene(t);
  const file = join(scratch, 'restarts.json');
  assert.equal((await readRestarts(file)).size, 0);
  const restarts = new Map([[1, { domid: 1, uuid, times: 2 }]]);
  writeRestarts(restarts, file);
  assert.deepEqual(await readRestarts(file), restarts);
  for (const text of ['', '{}', '[1]', '[null]', `[{"domid":1,"uuid":"x","times":1}]`]) {
    await writeFile(file, text);
    await assert.rejects(readRestarts(file), { name: 'RecordError' });
  }
});
