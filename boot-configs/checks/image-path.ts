import type { Check } from './check.ts';

export const imagePath: Check = {
  rule: 'image-path',
  says: 'Paths of images are relative, inside the image directory, and name a file.',
  run({ domains }, report) {
    for (const domain of domains) {
      for (const property of ['kernel', 'ramdisk'] as const) {
        const wrong = fault(domain[property]);
        if (wrong === undefined) continue;
        report(
          [...domain.path, property],
          wrong,
          'write the path below the image directory, for example "guests/web.cpio.zst"',
        );
      }
    }
  },
};

function fault(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  if (path.startsWith('/')) return 'the path is absolute';
  const parts = path.split('/');
  if (parts.includes('..')) return 'the path leads out of the image directory with ".."';
  if (parts.includes('') || parts.includes('.')) return 'the path has an empty part or a "." in it';
  return undefined;
}
