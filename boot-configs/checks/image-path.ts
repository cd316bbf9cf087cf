import { placedTexts } from '../segments.ts';
import type { Check } from './check.ts';

export const imagePath: Check = {
  rule: 'image-path',
  says: 'Paths of images and scripts are relative, inside the image directory, and name a file.',
  run({ domains, scripts }, report) {
    for (const domain of domains) {
      for (const property of ['kernel', 'ramdisk'] as const) {
        for (const { text, path } of placedTexts(domain[property], [...domain.path, property])) {
          const wrong = fault(text);
          if (wrong === undefined) continue;
          report(
            path,
            wrong,
            'write the path below the image directory, for example "guests/web.cpio.zst"',
          );
        }
      }
    }
    for (const { run: file, path } of scripts) {
      const wrong = file === undefined ? undefined : fault(file);
      if (wrong === undefined) continue;
      report(
        [...path, 'run'],
        wrong,
        'write the path below the image directory, for example "scripts/sizes.ts"',
      );
    }
  },
};

function fault(path: string): string | undefined {
  if (path.startsWith('/')) return 'the path is absolute';
  const parts = path.split('/');
  if (parts.includes('..')) return 'the path leads out of the image directory with ".."';
  if (parts.includes('') || parts.includes('.')) return 'the path has an empty part or a "." in it';
  return undefined;
}
