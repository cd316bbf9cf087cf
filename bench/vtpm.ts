import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platformParts } from '../platform/demo/parts.ts';
import { runPlatform } from '../platform/demo/platform-run.ts';
import { guestConfiguration } from '../platform/demo/questions.ts';
import { compress } from '../platform/images/compress.ts';
import { RootTree } from '../platform/images/root-tree.ts';
import { runProgram } from '../platform/lib/run.ts';
import { needPackages } from '../platform/setup/packages.ts';

/**
 * What a guest's TPM costs, on the virtual platform, in one boot of boot-configs/vtpm.yaml: medians of three commands in the guests, by
 * /dev/tpm0 and over the page that they share, alone and at once, beside those of a swtpm that is asked where it runs; memory of a
 * client; the start of a TPM. Prints the table of vtpm/README.md. Usage: node bench/vtpm.ts
 */
const root = join(import.meta.dirname, '..');
const frontend = join(root, 'vtpm/frontend');
const linger = join(root, 'vtpm/linger');
const VTPM_DOMID = 0x7fe0;
const commands = ['GetRandom', 'PCR_Read', 'PCR_Extend'] as const;
/** The goals: of a command, as a multiple of the same to swtpm; of a client, in MiB; of a start, in milliseconds. */
const goals = { ratio: 2, client: 12, start: 1000 };

/** Shell commands for dom0: tells consoles a word, and waits until their domains have said that it is done. */
const measured = (domains: Readonly<Record<string, number>>, word: string) =>
  Object.entries(domains)
    .map(([, domid]) => `echo ${word} >$(xenstore-read /local/domain/${domid}/console/tty)`)
    .concat(
      Object.keys(domains).map(
        (name) => `
tries=0
until grep -q 'measured ${word}' /var/log/xen/console/guest-${name}.log || [ $((tries += 1)) -gt 600 ]; do sleep 0.5; done
grep -E 'bench|memory|is ready after|cannot' /var/log/xen/console/guest-${name}.log`,
      ),
    )
    .join('\n');

const ready = (name: string) => `
until grep -q 'when it is told' /var/log/xen/console/guest-${name}.log || [ $((tries += 1)) -gt 600 ]; do sleep 0.5; done
cat /var/log/xen/console/guest-${name}.log`;

/** Guests that dom0 starts, by number. */
const many = Array.from({ length: 10 }, (_, number) => number + 1);
const guests = { ledger: 1, signer: 2 };
const vtpm = { vtpm: VTPM_DOMID };
const questions: Readonly<Record<string, string>> = {
  'ledger-is-ready': ready('ledger'),
  'signer-is-ready': ready('signer'),
  memory: measured(vtpm, 'memory'),
  direct: measured(vtpm, 'direct'),
  busy: measured({ ledger: 1 }, 'busy'),
  beside: measured(vtpm, 'beside'),
  over: 'sleep 15',
  'ledger-voluntary': measured({ ledger: 1 }, 'voluntary'),
  'signer-voluntary': measured({ signer: 2 }, 'voluntary'),
  'ledger-full': measured({ ledger: 1 }, 'full'),
  'signer-full': measured({ signer: 2 }, 'full'),
  both: measured(guests, 'both'),
  again: measured(vtpm, 'again'),
  // A guest that dom0 starts: its TPM was made before.
  later: `cat >/run/later.cfg <<CONFIG
${guestConfiguration('later')}
vtpm = ["backend=vtpm"]
CONFIG
xl create /run/later.cfg 2>&1
until grep "TPM of domain $(xl domid later) is ready" /var/log/xen/console/guest-vtpm.log || [ $((tries += 1)) -gt 60 ]; do sleep 0.5; done
xl destroy later`,
  // So many guests more, which all use their TPMs at once.
  many: `cat /guest/guest.cpio.zst /guest/guest-tpm.cpio.zst /guest/bench-guest.cpio.zst >/run/many.cpio.zst
for number in ${many.join(' ')}; do
  cat >/run/many.cfg <<CONFIG
${guestConfiguration('many$number').replace('/guest/guest.cpio.zst', '/run/many.cpio.zst').replace('console=hvc0', '$& loglevel=5 preempt=full')}
vtpm = ["backend=vtpm"]
CONFIG
  xl create /run/many.cfg 2>&1
done
for number in ${many.join(' ')}; do
  tries=0
  until grep -q 'when it is told' /var/log/xen/console/guest-many$number.log || [ $((tries += 1)) -gt 600 ]; do sleep 0.5; done
done
for number in ${many.join(' ')}; do
  echo many >$(xenstore-read /local/domain/$(xl domid many$number)/console/tty)
done
for number in ${many.join(' ')}; do
  tries=0
  until grep -q 'measured many' /var/log/xen/console/guest-many$number.log || [ $((tries += 1)) -gt 600 ]; do sleep 0.5; done
  grep -E 'bench|cannot' /var/log/xen/console/guest-many$number.log
done`,
};

async function compiled(scratch: string, name: string, ...how: string[]): Promise<string> {
  const program = join(scratch, name);
  const source = join(root, 'bench/vtpm/latency.c');
  await runProgram('gcc', [
    '-O2',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-s',
    '-o',
    program,
    source,
    ...how,
  ]);
  return program;
}

async function segment(scratch: string, name: string, tree: RootTree): Promise<string> {
  const path = join(scratch, name);
  await writeFile(path, compress(tree.archive()));
  return path;
}

needPackages('guests');
needPackages('machine');
const scratch = await mkdtemp(join(tmpdir(), 'bench-vtpm-'));
try {
  const parts = await platformParts((_what, work) => work());
  const latency = await compiled(scratch, 'latency');
  const modules = ['commands', 'xenbus', 'told', 'ring', 'wait', 'fail'];
  const ringLatency = await compiled(
    scratch,
    'ring-latency',
    ...['-DRING', `-I${frontend}`, ...modules.map((module) => join(frontend, `${module}.c`))],
    ...[`-I${linger}`, join(linger, 'linger.c')],
    ...['-lxenstore', '-lxengnttab', '-lxenevtchn'],
  );
  const inGuest = new RootTree().file(
    '/usr/lib/domb/use-tpm',
    await readFile(join(root, 'bench/vtpm/use-tpm')),
    0o755,
  );
  await inGuest.copy('/usr/lib/domb/latency', latency, 0o755);
  await inGuest.copy('/usr/lib/domb/ring-latency', ringLatency, 0o755);
  const init = await readFile(join(root, 'platform/images/vtpm-backend/init'), 'utf8');
  const start = '/usr/lib/domb/backend.cjs\n';
  if (!init.includes(start)) throw new Error(`the vTPM domain's init does not start ${start}`);
  const measuring = await readFile(join(root, 'bench/vtpm/init'), 'utf8');
  const benchGuest = await segment(scratch, 'bench-guest.cpio.zst', inGuest);
  const inDom0 = new RootTree();
  await inDom0.copy('/guest/bench-guest.cpio.zst', benchGuest);
  const guestTpm = parts.images.get('guest-tpm.cpio.zst');
  if (guestTpm === undefined) throw new Error('there is no segment of a guest with a TPM');
  await inDom0.copy('/guest/guest-tpm.cpio.zst', guestTpm);
  const inVtpm = new RootTree()
    .file('/init', init.replace(start, measuring), 0o755)
    .directory('/bench')
    .directory('/bench/state');
  await inVtpm.copy('/bin/latency', latency, 0o755);
  const images = new Map([
    ...parts.images,
    ['bench-guest.cpio.zst', benchGuest],
    ['bench-dom0.cpio.zst', await segment(scratch, 'bench-dom0.cpio.zst', inDom0)],
    ['bench-vtpm.cpio.zst', await segment(scratch, 'bench-vtpm.cpio.zst', inVtpm)],
  ]);
  const example = await readFile(join(root, 'boot-configs/vtpm.yaml'), 'utf8');
  const manifest = example
    .replace('guest-tpm.cpio.zst]', 'guest-tpm.cpio.zst, bench-guest.cpio.zst]')
    .replace('domb-command.cpio.zst]\n', 'domb-command.cpio.zst, bench-vtpm.cpio.zst]\n')
    .replace('[dom0.cpio.zst, ', '$&bench-dom0.cpio.zst, ')
    .replace('xenstore: true\n', 'xenstore: true\n    console: true\n')
    // The emulation of nested paging is unsafe on the first processor (platform/machine/machine.ts).
    .replace('type: pvh\n', 'type: pvh\n    cpus: 1\n');
  const run = await runPlatform({
    manifestBytes: Buffer.from(manifest),
    source: 'vtpm.yaml',
    directory: join(root, 'out/bench/vtpm'),
    memoryMiB: 6144,
    report: (_what, work) => work(),
    parts: { ...parts, images },
    judged: ['domains'],
    async converse(ask) {
      for (const [name, script] of Object.entries(questions)) await ask(name, script);
    },
  });
  const said = Object.keys(questions)
    .map((name) => run.answers.output(name))
    .join('\n');
  for (const line of report(said, run.consoleText)) console.log(line);
} finally {
  await rm(scratch, { recursive: true });
}

/** Whether guests that all use their TPMs at once are served alike. */
function* starving(said: string): Generator<string> {
  const pattern = /guest (many\d+): bench many\d+-many (\w+) (\d+) \d+ (\d+)/g;
  const each = [...said.matchAll(pattern)].map(([, guest = '', command = '', median, most]) => ({
    ...{ guest, command, median: Number(median) / 1000, most: Number(most) / 1000 },
  }));
  for (const command of commands) {
    const those = each.filter((one) => one.command === command);
    const medians = those.map(({ median }) => median).sort((a, b) => a - b);
    const most = Math.max(...those.map((one) => one.most));
    const [fastest = Number.NaN, slowest = Number.NaN] = [medians[0], medians.at(-1)];
    yield `${those.length} guests at once, ${command}: medians ${fastest.toFixed(1)} to ${slowest.toFixed(1)} ms, ${(slowest / fastest).toFixed(2)}×; longest ${most.toFixed(0)} ms`;
  }
}

/** In Markdown: what was said, and whether the goals are met. */
function* report(said: string, console: string): Generator<string> {
  const median = (label: string, command: string): number => {
    const line = new RegExp(`bench ${label} ${command} (\\d+) (\\d+)`).exec(said);
    return Number(line?.[1] ?? Number.NaN);
  };
  yield '| milliseconds, median of 300 | GetRandom | PCR_Read | PCR_Extend |';
  yield '| --- | ---: | ---: | ---: |';
  const each = (name: string) =>
    ['ring', 'voluntary', 'full', 'both'].map((label) => `${name}-${label}`);
  for (const label of ['direct', 'beside', 'again', ...each('ledger'), ...each('signer')]) {
    const cells = commands.map((command) => {
      const times = median(label, command);
      const direct = (median('direct', command) + median('again', command)) / 2;
      const ratio = times / direct;
      const met = /-(voluntary|full)/.test(label)
        ? ratio <= goals.ratio
          ? ', met'
          : ', NOT MET'
        : '';
      return `${(times / 1000).toFixed(2)} (${ratio.toFixed(1)}×${met})`;
    });
    yield `| ${label} | ${cells.join(' | ')} |`;
  }
  for (const guest of ['ledger', 'signer']) {
    const page = median(`${guest}-ring`, 'Refused') / 1000;
    const driver = median(`${guest}-full`, 'Bare') / 1000;
    const floors = commands.map((command) => {
      const floor = median('beside', command) / 1000 + page + driver;
      const ratio = median(`${guest}-full`, command) / 1000 / floor;
      return `${command} ${floor.toFixed(2)} ms, ${ratio.toFixed(2)}×`;
    });
    yield `${guest}: page and event channel alone ${page.toFixed(2)} ms, Linux's driver and tpmfront alone ${driver.toFixed(2)} ms; floor, and what it is exceeded by: ${floors.join('; ')}`;
  }
  yield* starving(said);
  yield `self-test of swtpm: ${(median('direct', 'SelfTest') / 1000).toFixed(0)} ms`;
  const sizes = new Map<string, number>();
  for (const [, name = '', pid, field = '', size] of said.matchAll(
    /memory (\S+) (\d+) (\w+): (\d+)/g,
  )) {
    sizes.set(`${name} ${pid} ${field}`, Number(size) / 1024);
  }
  for (const [what, size] of sizes) yield `${what}: ${size.toFixed(2)} MiB`;
  const starts = `${console}\n${said}`.matchAll(/TPM of domain (\d+) is ready after (\d+) ms/g);
  for (const [domid, time] of new Map([...starts].map(([, domid, time]) => [domid, time]))) {
    yield `start of the TPM of domain ${domid}: ${time} ms`;
  }
  yield `goals: ${goals.ratio}× of direct, ${goals.client} MiB a client, ${goals.start} ms a start`;
}
