import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBootOptions } from '../../../platform/host/efi-entries.ts';

test('boot options are read as old and new versions of efibootmgr show them', () => {
  const text = `BootNext: 0004
BootCurrent: 0001
Timeout: 0 seconds
BootOrder: 0001,0000,0003
Boot0000* UiApp
Boot0001* debian\tHD(1,GPT,0000)/File(\\EFI\\debian\\shimx64.efi)
Boot0003  EFI Internal Shell\tFvVol(7cb8)/FvFile(7c04)
Boot0004* domB 0123456789ab\tHD(1,GPT,0000)/File(\\EFI\\domb\\0123456789ab.efi)
`;
  const options = parseBootOptions(text);
  assert.deepEqual(
    { ...options, labels: [...options.labels] },
    {
      current: '0001',
      next: '0004',
      order: ['0001', '0000', '0003'],
      labels: [
        ['0000', 'UiApp'],
        ['0001', 'debian'],
        ['0003', 'EFI Internal Shell'],
        ['0004', 'domB 0123456789ab'],
      ],
    },
  );
  const none = parseBootOptions('No BootOrder is set; firmware will attempt recovery\n');
  assert.deepEqual(
    [none.current, none.next, none.order, none.labels.size],
    [undefined, undefined, [], 0],
  );
});
