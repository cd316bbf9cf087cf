import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** What `npm run bench` measures, in this order; docs/performance.md explains the figures. */
const parts: Readonly<Record<string, string>> = {
  boot: 'boots beside a boot domain in C and a direct boot; 15 minutes',
  profile: 'where the processor is while domB boots; a minute',
  manifest: 'domb validate beside an empty Node start, and with 1,000 domains',
  measurement: 'hashing and prediction beside openssl',
  logs: 'domb log beside tpm2_eventlog',
  verifier: 'domb-verify beside an empty program',
  vtpm: "a guest's TPM beside swtpm, and ten guests at once; 5 minutes",
  machines: 'two virtual machines at once beside one',
  'flask-price': 'what FLASK costs, in instructions',
};

const [first, ...rest] = process.argv.slice(2);
if (first === '--help' || (first !== undefined && !(first in parts))) {
  console.log('Usage: npm run bench [-- PART [ARGUMENT…]]; all parts where none is named');
  for (const [name, what] of Object.entries(parts)) console.log(`  ${name.padEnd(12)} ${what}`);
  process.exit(first === '--help' ? 0 : 2);
}
const failed = (first === undefined ? Object.keys(parts) : [first]).filter((name) => {
  console.log(`\n${name}: ${parts[name]}\n`);
  const argv = [join(import.meta.dirname, `${name}.ts`), ...rest];
  return spawnSync(process.execPath, argv, { stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) console.error(`not measured: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;
