import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Ask } from '../../platform/machine/answers.ts';

const BYTES = 1 << 20;
const written = 'written by dom0';

/**
 * An NVMe disk, on which dom0 can show that it has the machine's devices: the disk reads and writes dom0's memory by itself
 * and interrupts by messages.
 */
export class Disk {
  readonly file: string;
  readonly #contents = randomBytes(BYTES);

  private constructor(file: string) {
    this.file = file;
  }

  /** A disk for as long as the test runs. */
  static async make(t: TestContext): Promise<Disk> {
    const disk = new Disk(join(tmpdir(), `domb-disk-${process.pid}`));
    t.after(() => rm(disk.file));
    await writeFile(disk.file, disk.#contents);
    return disk;
  }

  /** Reads the whole disk in dom0, writes its last sector there, and looks at both. */
  async check(ask: Ask): Promise<void> {
    const answer = await ask(
      'disk',
      `timeout 60 dd if=/dev/nvme0n1 bs=64k iflag=direct 2>/dev/null | sha256sum
echo '${written}' | timeout 60 dd of=/dev/nvme0n1 bs=512 seek=${BYTES / 512 - 1} conv=sync,fsync 2>&1
grep nvme /proc/interrupts
dmesg | grep nvme`,
      300_000,
    );
    const digest = createHash('sha256').update(this.#contents).digest('hex');
    assert.ok(answer.output.startsWith(digest), `dom0 cannot read its disk:\n${answer.output}`);
    assert.match(answer.output, /nvme0q1/);
    const last = (await readFile(this.file)).subarray(-512).toString('latin1');
    assert.ok(last.startsWith(written), `dom0 cannot write its disk:\n${answer.output}`);
  }
}
