import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { xenSource } from '../../platform/hypervisor/source.ts';
import { compilePolicy } from '../../platform/policy/build.ts';

let scratch: string | undefined;
let source: string | undefined;
let count = 0;
after(() => {
  if (scratch) rmSync(scratch, { recursive: true });
});

/** Our policy without its assertions and with more rules, as somebody may have made it; words for checkpolicy besides. */
export async function foreignPolicy(rules: string, ...words: string[]): Promise<string> {
  scratch ??= mkdtempSync(join(tmpdir(), 'domb-foreign-'));
  const directory = scratch;
  if (source === undefined) {
    const { tree } = await xenSource('policy');
    await compilePolicy(tree, directory, join(directory, 'ours'));
    source = readFileSync(join(directory, 'policy.conf'), 'utf8').replace(/neverallow [^;]*;/g, '');
  }
  const [input, output] = [join(directory, 'input'), join(directory, `policy-${count++}`)];
  // Contexts of hardware come last.
  const labels = rules.match(/^\w+con .*$/gm) ?? [];
  const own = rules.replace(/^\w+con .*$/gm, '');
  const changed = `${source.replace(/^ *user /m, `${own}\n$&`)}\n${labels.join('\n')}\n`;
  if (!changed.includes(own)) throw new Error('the policy has no users');
  writeFileSync(input, changed);
  execFileSync('checkpolicy', ['-t', 'Xen', '-c', '30', ...words, '-o', output, input], {
    stdio: 'pipe',
  });
  return output;
}
