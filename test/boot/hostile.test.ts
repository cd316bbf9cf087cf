import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseXlList } from '../../platform/judge/tool-output.ts';
import { type Attempt, attemptsOf } from './hostile/attempts.ts';
import { cast, hostile } from './hostile/cast.ts';
import { type Outcome, outcomes, ruleText, spoken } from './hostile/record.ts';
import { results } from './hostile/results.ts';
import { dom0Attempts, hostileSegments } from './hostile/segments.ts';
import { takesBack, withdrawn, withdrawnSegment } from './hostile/taking-back.ts';
import { boot, failedChecks, parts } from './support.ts';

/** dom0, the vTPM domain, an ordinary and a protected guest, and a driver domain, each with a prober behind its ramdisk; and a guest that bears it all. */
const manifest = `version: 2
defaults:
  type: pv
  kernel: vmlinux
  memory: 160MiB
  seclabel: system_u:system_r:domU_t
domains:${withdrawn.manifest}
  - name: vtpm
    domid: ${cast.vtpm.domid}
    memory: 256MiB
    ramdisk: [vtpm-backend.cpio.zst, domb-command.cpio.zst, hostile-vtpm.cpio.zst]
    cmdline: console=hvc0 earlyprintk=xen,keep loglevel=5 rootfstype=ramfs
    seclabel: system_u:system_r:vtpm_t
    xenstore: true
    console: true
  - name: dom0
    domid: 0
    memory: 1GiB
    ramdisk: [dom0.cpio.zst, domb-command.cpio.zst, hostile-dom0.cpio.zst]
    cmdline: console=hvc0 earlyprintk=xen
    seclabel: system_u:system_r:dom0_t
    capabilities: [control, hardware, xenstore]
    after: [vtpm]
  - name: guest
    domid: ${cast.guest.domid}
    ramdisk: [guest.cpio.zst, hostile-guest.cpio.zst]
    cmdline: console=hvc0 loglevel=5 domb.name=guest
    xenstore: true
    console: true
    vtpm: vtpm
    after: [vtpm]
  - name: driver
    domid: ${cast.driver.domid}
    ramdisk: [guest.cpio.zst, hostile-driver.cpio.zst]
    cmdline: console=hvc0 loglevel=5 domb.name=driver
    seclabel: system_u:system_r:driver_t
    ioports: ["300-307"]
    xenstore: true
    console: true
  - name: guarded
    domid: ${cast.guarded.domid}
    type: pvh
    ramdisk: [guest.cpio.zst, hostile-guarded.cpio.zst]
    cmdline: console=hvc0 loglevel=5 domb.name=guarded
    seclabel: system_u:system_r:guarded_t
    xenstore: true
    console: true
  - name: victim
    domid: ${cast.victim.domid}
    type: pvh
    ramdisk: [guest.cpio.zst, guest-tpm.cpio.zst]
    cmdline: console=hvc0 loglevel=5 domb.name=victim
    xenstore: true
    console: true
    vtpm: vtpm
    after: [vtpm]
`;

/** Tells a domain on its console to begin, and waits until it is done. */
const begin = (name: string, domid: number) => `
log=/var/log/xen/console/guest-${name}.log
now() { cut -d. -f1 /proc/uptime; }
end=$(($(now) + 200))
until grep -q '${name === 'vtpm' ? 'vtpm: serves' : `guest ${name}: alive`}' $log || [ "$(now)" -gt "$end" ]; do sleep 1; done
echo begin >$(xenstore-read /local/domain/${domid}/console/tty)
until grep -q 'prober: ' $log || [ "$(now)" -gt "$end" ]; do sleep 0.5; done
grep 'prober: ' $log`;

/** What all must still be able to do afterwards, and that they are there. */
const afterwards = `
log=/var/log/xen/console/guest-victim.log
now() { cut -d. -f1 /proc/uptime; }
end=$(($(now) + 200))
until grep -q 'endorsement key' $log || [ "$(now)" -gt "$end" ]; do sleep 1; done
echo later >$(xenstore-read /local/domain/${cast.victim.domid}/console/tty)
until grep -q 'after later' $log || [ "$(now)" -gt "$end" ]; do sleep 1; done
cat $log
xl list -Z`;

/** What is wrong about how an attempt ended, if anything. */
function surprise(attempt: Attempt, seen: ReadonlyMap<string, Outcome>): string[] {
  const { title, line, result, denial, because } = attempt;
  const outcome = seen.get(line);
  if (outcome === undefined) return [`${title}: Xen's console says nothing of it`];
  const denied = [...new Set(outcome.denials.map(spoken))].join('; ');
  const expected = denial ? ruleText(denial) : '';
  const wrong = [
    ...(outcome.result === results[result] ? [] : [`${outcome.result} instead of ${result}`]),
    ...(denied === expected
      ? []
      : [`denied: ${denied || 'nothing'} instead of ${expected || because}`]),
  ];
  return wrong.length === 0 ? [] : [`${title}: ${wrong.join(', ')}`];
}
/** libxl removes a domain's name, pauses it and then destroys it; how the vTPM domain and the TPM that it serves are afterwards. */
const refusedDestroy = `
echo 'dom0: destroys the vTPM domain' >/dev/console
xl destroy vtpm 2>&1
domb introduce 2>&1
xl list -Z
log=/var/log/xen/console/guest-victim.log
now() { cut -d. -f1 /proc/uptime; }
end=$(($(now) + 100))
# Its device was described anew, which its front end takes for the end of the one before: it has to come back.
until grep -q 'after spared, PCR 15 is [0-9a-f]' $log || [ "$(now)" -gt "$end" ]; do
  echo spared >$(xenstore-read /local/domain/${cast.victim.domid}/console/tty)
  sleep 5
done
grep 'after spared' $log`;

test('what a hostile guest, protected guest, driver domain, vTPM domain or dom0 tries is refused, and works for nobody', async (t) => {
  const built = await parts();
  const images = new Map([
    ...built.images,
    ...(await hostileSegments(hostile)),
    await withdrawnSegment(),
  ]);
  const run = await boot('hostile', manifest, {
    parts: { ...built, images },
    // A device with MSI-X that nobody in dom0 drives.
    devices: ['e1000e,addr=06.0'],
    judged: ['domains', 'uuids', 'services', 'memory freed', 'xl info'],
    async converse(ask) {
      for (const who of hostile) {
        await ask(who, who === 'dom0' ? dom0Attempts : begin(who, cast[who].domid));
      }
      await ask('afterwards', afterwards);
      await ask('takes-back', takesBack);
      await ask('refused-destroy', refusedDestroy);
    },
  });
  const { consoleText } = run;

  await t.test('all come up', () => assert.deepEqual(failedChecks(run), []));

  await t.test('up to then FLASK had nothing to refuse', () => {
    const [before = ''] = consoleText.split(/probe \w+ begin /);
    assert.doesNotMatch(before, /avc:\s+denied/);
  });

  for (const who of hostile) {
    await t.test(`${who}: each of its ${attemptsOf(who).length} attempts ends as it must`, () => {
      const seen = outcomes(consoleText, who);
      assert.ok(seen.has('end 0 0'), `${who} came to its end`);
      assert.deepEqual(
        attemptsOf(who).flatMap((attempt) => surprise(attempt, seen)),
        [],
      );
    });
  }

  await t.test('afterwards all are there, as they were, and use what they may', () => {
    const said = run.answers.output('afterwards');
    for (const { domid, type } of Object.values(cast)) {
      assert.match(said, new RegExp(`^\\S+ +${domid} +.+ system_u:system_r:${type}$`, 'm'));
    }
    assert.match(said, /guest victim: endorsement key [0-9a-f]{64}/);
    assert.match(said, /guest victim: after later, PCR 15 is [0-9a-f]{64}/);
    const [after = ''] = consoleText
      .slice(consoleText.lastIndexOf('probe dom0 end '))
      .split('dom0: destroys the vTPM domain');
    assert.doesNotMatch(after, /avc:\s+denied/);
  });
  await t.test(
    'a guest that takes the grant of its ring back is introduced no more, all others are',
    () => {
      const taken = run.answers.output('takes-back');
      assert.match(taken, /^xenstored says OK$/m);
      assert.match(taken, /^the ring's grant is taken back: 0/m);
      const said = run.answers.output('refused-destroy');
      const { name, domid } = withdrawn;
      assert.match(said, new RegExp(`^${name} \\(domain ${domid}\\) failed$`, 'm'));
      assert.match(
        said,
        new RegExp(`^${name} \\(domain ${domid}\\): .*introduce domain ${domid} to xenstore`, 'm'),
      );
      assert.match(said, new RegExp(`^vtpm \\(domain ${cast.vtpm.domid}\\) introduced$`, 'm'));
      for (const other of ['guest', 'driver', 'guarded', 'victim'] as const) {
        assert.match(
          said,
          new RegExp(`^${other} \\(domain ${cast[other].domid}\\) (was )?introduced$`, 'm'),
        );
      }
    },
  );

  await t.test(
    'a refused "xl destroy" leaves the vTPM domain as it was, but for its name in xenstore',
    () => {
      const said = run.answers.output('refused-destroy');
      for (const permission of ['pause', 'destroy']) {
        const denial = `avc: +denied +\\{ ${permission} \\} .*:dom0_t .*:vtpm_t tclass=domain`;
        assert.match(consoleText, new RegExp(denial));
      }
      assert.match(said, new RegExp(`vtpm \\(domain ${cast.vtpm.domid}\\) introduced`));
      const row = parseXlList(said).find(({ name }) => name === 'vtpm');
      assert.match(row?.state ?? 'not there', /^[r-][b-]----$/);
      assert.match(said, /after spared, PCR 15 is [0-9a-f]{64}/);
    },
  );
});
