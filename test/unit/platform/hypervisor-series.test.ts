import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { describe, it } from 'node:test';
import { seriesPatches } from '../../../platform/hypervisor/source.ts';
import { runProgram } from '../../../platform/lib/run.ts';

const patches = await seriesPatches();

describe('the hypervisor series', () => {
  it('names every patch in the directory, in the order of their numbers', async () => {
    const [first] = patches;
    assert.ok(first, 'the series is empty');
    const files = (await readdir(dirname(first))).filter((name) => name.endsWith('.patch'));
    assert.deepEqual(
      patches.map((path) => basename(path)),
      files.sort(),
    );
  });

  for (const [index, path] of patches.entries()) {
    it(`${basename(path)} is in the form that git am takes`, async () => {
      const text = await readFile(path, 'utf8');
      const [message = '', changes = ''] = text.split(/^---$/m, 2);
      assert.match(message, /^From: .+ <.+@.+>$/m);
      // As git format-patch counts them: a file that is added or taken away changes the subjects of all.
      const number = index + 1;
      assert.equal(basename(path).slice(0, 5), `${String(number).padStart(4, '0')}-`);
      const total = patches.length;
      const place = `${String(number).padStart(String(total).length, '0')}/${total}`;
      assert.match(
        message,
        new RegExp(`^Subject: \\[PATCH ${place}\\] (xen|x86|CHANGELOG)\\b`, 'm'),
      );
      assert.match(message, /^Signed-off-by: .+ <.+@.+>$/m);
      const [, body = ''] = message.split('\n\n', 2);
      assert.ok(body.length > 100, 'the message says too little');
      assert.ok(changes.includes('diff --git'));
      // Parses every hunk; a patch whose line counts are wrong is refused.
      const touched = (await runProgram('git', ['apply', '--numstat', path])).trim().split('\n');
      for (const line of touched) {
        assert.match(line, /\t((xen|docs|tools)\/|(SUPPORT|CHANGELOG)\.md$)/);
      }
    });
  }

  it('documents each of its command line options and configuration switches', async () => {
    const text = (await Promise.all(patches.map((path) => readFile(path, 'utf8')))).join('');
    const options = [...text.matchAll(/^\+\w+_param\("([^"]+)"/gm)].map((match) => match[1]);
    assert.deepEqual(options, ['boot-domain']);
    for (const option of options) assert.match(text, new RegExp(`^\\+### ${option}\\b`, 'm'));
    assert.match(text, /^\+config BOOT_DOMAIN\n(\+.*\n)*\+\tdefault n\n/m);
  });

  /** What the series adds, file by file. */
  const added = async (): Promise<Map<string, string>> => {
    const files = new Map<string, string>();
    for (const path of patches) {
      for (const part of (await readFile(path, 'utf8')).split(/^diff --git /m).slice(1)) {
        const [, name = ''] = /^a\/(\S+)/.exec(part) ?? [];
        const lines = part.match(/^\+(?!\+\+ ).*$/gm) ?? [];
        files.set(name, [files.get(name) ?? '', ...lines.map((line) => line.slice(1))].join('\n'));
      }
    }
    return files;
  };
  const matches = (text: string | undefined, pattern: RegExp) =>
    [...(text ?? '').matchAll(pattern)].map(([, name = '']) => name);

  it('has an implementation of each hook in the dummy module and in FLASK', async () => {
    const files = await added();
    const hooks = matches(files.get('xen/include/xsm/xsm.h'), /^ {4}int \(\*(\w+)\)\(/gm);
    assert.ok(hooks.length >= 6, hooks.join());
    for (const hook of hooks) {
      assert.match(files.get('xen/include/xsm/dummy.h') ?? '', new RegExp(`\\bxsm_${hook}\\(`));
      assert.match(files.get('xen/xsm/dummy.c') ?? '', new RegExp(`\\.${hook} += xsm_${hook},`));
      assert.match(
        files.get('xen/xsm/flask/hooks.c') ?? '',
        new RegExp(`\\.${hook} = flask_${hook},`),
      );
    }
  });

  it('has functions of libxc for the hypercalls that it adds, and names their errors', async () => {
    const files = await added();
    const [domctl, argo] = ['domctl', 'argo'].map((name) =>
      files.get(`xen/include/public/${name}.h`),
    );
    const operations = [
      ...matches(domctl, /^#define (XEN_DOMCTL_get_\w+)/gm),
      ...matches(argo, /^#define (XEN_ARGO_OP_\w+)/gm),
    ];
    assert.equal(operations.length, 5, operations.join());
    const libxc = [...files].filter(([name]) => name.startsWith('tools/libs/ctrl/'));
    const used = libxc.map(([, text]) => text).join('\n');
    for (const operation of operations) {
      assert.match(used, new RegExp(`\\b${operation}\\b`));
      // Its comment.
      const comment = new RegExp(`^ \\* ${operation}\\b(.*\\n)*? \\*/$`, 'm');
      const [said = ''] = comment.exec(`${domctl}\n${argo}`) ?? [];
      assert.match(said, /^ \* -E[A-Z]+ |Errors are as above/m, operation);
    }
  });

  it('has rules of the example policy for each permission, but for "delegate", which is nobody\'s there', async () => {
    const files = await added();
    const names = matches(files.get('xen/xsm/flask/policy/access_vectors'), /^ {4}(\w+)$/gm);
    assert.ok(names.length >= 9, names.join());
    const policy = [...files].filter(([name]) => name.startsWith('tools/flask/policy/'));
    const without = names.filter(
      (name) => !policy.some(([, text]) => new RegExp(`\\b${name}\\b`).test(text)),
    );
    assert.deepEqual(without, ['delegate']);
  });
});
