import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeEvidence } from '../../../measurement/evidence/evidence.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { packLibrary } from '../../../platform/package/library.ts';
import { evidenceOf, ITEMS, NONCE } from '../../lib/evidence.ts';
import { installLibrary, type Project } from '../../lib/installed-library.ts';
import { nodesToTry, requiresModules } from '../../lib/other-nodes.ts';
import { buildPe } from '../../lib/pe-builder.ts';

const tsc = join(import.meta.dirname, '../../../node_modules/.bin/tsc');
const log = join(import.meta.dirname, '../../logs/rhel8.bin');

let project: Project;
before(async () => {
  project = await installLibrary();
});
after(() => project?.remove());

/** What a user's program does with each part of the package. */
const body = `
async function main() {
  const [directory, log, efi] = process.argv.slice(2);
  const evidence = await parts.evidence.readEvidence(directory);
  const expected = JSON.parse(fs.readFileSync(directory + '/expected.json', 'utf8'));
  const verdict = parts.evidence.verifyEvidence(evidence, {
    ...expected,
    nonce: Buffer.from(expected.nonce, 'hex'),
  });
  const events = parts.eventLog.readAnyLog(fs.readFileSync(log));
  const { values } = await parts.firmware.predictPcr4(efi, ['sha256']);
  console.log(JSON.stringify({
    verdict: { ...verdict, attest: undefined },
    pcrs: parts.eventLog.logJson(events).pcrs,
    pcr4: values.get('sha256').toString('hex'),
    policy: parts.tpm.pcrPolicyDigest(evidence.pcrs).toString('hex'),
  }));
}
main();
`;
const names = { tpm: '', evidence: '/evidence', eventLog: '/event-log', firmware: '/firmware' };
const moduleProgram = [
  "import fs from 'node:fs';",
  ...Object.entries(names).map(
    ([name, path]) => `import * as ${name} from 'node-tpm2-pts${path}';`,
  ),
  `const parts = { ${Object.keys(names).join(', ')} };`,
  body,
].join('\n');
const commonProgram = [
  "const fs = require('node:fs');",
  `const parts = { ${Object.entries(names)
    .map(([name, path]) => `${name}: require('node-tpm2-pts${path}')`)
    .join(', ')} };`,
  body,
].join('\n');

test('the same sources give the same archive, without a source in TypeScript', async () => {
  const again = await packLibrary(join(project.directory, 'again'));
  assert.deepEqual(await readFile(again), await readFile(project.archive));
  const installed = join(project.directory, 'node_modules/node-tpm2-pts');
  const files = await readdir(installed, { recursive: true });
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json']) {
    assert.ok(files.includes(name), name);
  }
  const modules = files.filter((name) => name.endsWith('.js'));
  assert.ok(modules.length > 80, `${modules.length} modules`);
  for (const name of modules) assert.ok(files.includes(name.replace(/js$/, 'd.ts')), name);
  assert.deepEqual(
    files.filter((name) => /(?<!\.d)\.ts$/.test(name)),
    [],
  );
});

test('programs give what the sources give, on every Node at hand, as ES module and as CommonJS', async (t) => {
  const evidence = evidenceOf();
  const directory = join(project.directory, 'evidence');
  await writeEvidence(directory, evidence);
  // A wrong item, so that more is said than that all is well.
  const items = ITEMS.map((item) => (item.event === 'domain' ? { ...item, domid: 7 } : item));
  const expected = { pcr: 13, bootPcr: 12, items };
  const { attest: _, ...verdict } = verifyEvidence(evidence, { ...expected, nonce: NONCE });
  const text = JSON.stringify({ ...expected, nonce: NONCE.toString('hex') });
  await project.write('evidence/expected.json', text);
  const efi = await project.write('boot.efi', buildPe());
  const programs = {
    'program.mjs': await project.write('program.mjs', moduleProgram),
    'program.cjs': await project.write('program.cjs', commonProgram),
  };
  const results = new Set<string>();
  for (const { program, version } of nodesToTry()) {
    for (const [name, path] of Object.entries(programs)) {
      if (name === 'program.cjs' && !requiresModules(version)) continue;
      t.diagnostic(`${name} on Node ${version}`);
      results.add(await runProgram(program, [path, directory, log, efi]));
    }
  }
  assert.equal(results.size, 1);
  const result = JSON.parse([...results].join(''));
  assert.deepEqual(result.verdict, JSON.parse(JSON.stringify(verdict)));
  const published = JSON.parse(await readFile(join(log, '../expected.json'), 'utf8'));
  assert.ok(JSON.stringify(published).includes(result.pcrs.sha256['4']), 'the published PCR 4');
  assert.match(`${result.pcr4}${result.policy}`, /^[0-9a-f]{128}$/);
});

test('what is not offered cannot be imported', async () => {
  const path = await project.write(
    'inner.mjs',
    "import 'node-tpm2-pts/dist/public/evidence.js';\n",
  );
  await assert.rejects(runProgram(process.execPath, [path]), /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});

test('strict programs in TypeScript compile against the types, however modules are resolved', async () => {
  const code = `
import { type PcrValues, pcrPolicyDigest, TpmError } from 'node-tpm2-pts';
import { type Expectation, readEvidence, verifyEvidence } from 'node-tpm2-pts/evidence';
import { type LogEvent, readAnyLog } from 'node-tpm2-pts/event-log';
import { predictPcr4 } from 'node-tpm2-pts/firmware';
export async function judge(directory: string, expected: Expectation): Promise<boolean> {
  const evidence = await readEvidence(directory);
  const pcrs: PcrValues = evidence.pcrs;
  const policy: Buffer = pcrPolicyDigest(pcrs);
  const events: LogEvent[] = [...readAnyLog(evidence.log).events()];
  const { values } = await predictPcr4('boot.efi', ['sha256']);
  // @ts-expect-error: no such bank
  await predictPcr4('boot.efi', ['sha2']);
  // @ts-expect-error: the nonce is missing
  verifyEvidence(evidence, { pcr: 13 });
  if (policy.length === 0 || events.length === 0 || values.size === 0) throw new TypeError(TpmError.name);
  return verifyEvidence(evidence, expected).outcome === 'proven';
}
`;
  await project.write('consumer.mts', code);
  const resolutions = [
    { module: 'nodenext' },
    { module: 'node16', moduleResolution: 'node16' },
    { module: 'esnext', moduleResolution: 'bundler' },
  ];
  for (const options of resolutions) {
    const compilerOptions = {
      ...{ strict: true, noEmit: true, target: 'es2022', types: ['node'], skipLibCheck: false },
      ...options,
    };
    const config = { compilerOptions, files: ['consumer.mts'] };
    const path = await project.write('tsconfig.json', JSON.stringify(config));
    await runProgram(tsc, ['--project', path]);
  }
});

test('the sources cannot be packed by mistake', async () => {
  const sources = join(import.meta.dirname, '../../../measurement/node-tpm2-pts');
  // An `npm test` above hands the root's .npmrc down, which is not there for who stands in this folder.
  const options = ['pack', '--offline', '--ignore-scripts=false'];
  options.push('--pack-destination', project.directory);
  await assert.rejects(runProgram('npm', options, { cwd: sources }), /npm run package/);
});
