/** Disks and network interfaces in the words of xl.cfg. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDisk } from '../../../boot-configs/disk-words.ts';
import { readVif } from '../../../boot-configs/vif-words.ts';

const guest = { vdev: 'xvda', target: '/dev/vg/guest', access: 'w' };
const diskTexts: Record<string, object> = {
  'phy:/dev/vg/guest,xvda,w': guest,
  'phy:/dev/vg/guest,xvda,rw': guest,
  'phy:/dev/vg/guest,xvda': guest,
  'raw:/dev/vg/guest,xvda,r': { ...guest, access: 'r' },
  '/dev/vg/guest,raw,xvda,rw': guest,
  '/dev/vg/guest,,xvda,ro': { ...guest, access: 'r' },
  'format=raw,vdev=xvda,access=rw,target=/dev/vg/guest': guest,
  'format=raw, vdev=xvda, access=ro, target=/dev/vg/guest': { ...guest, access: 'r' },
  '/dev/vg/guest,raw,vdev=xvda,access=w': guest,
  'vdev=xvda,backendtype=phy,discard,target=/dev/vg/guest': { ...guest, discard: true },
  'vdev=xvda,no-discard,target=/dev/vg/guest': { ...guest, discard: false },
  'vdev=xvdc3,script=block-iscsi,target=iqn.2001-05.com:disk': {
    ...{ vdev: 'xvdc3', target: 'iqn.2001-05.com:disk', access: 'w', script: 'block-iscsi' },
  },
};

test('a disk is read in each of the ways in which xl.cfg writes it', () => {
  for (const [text, device] of Object.entries(diskTexts)) {
    assert.deepEqual(readDisk(text), { device }, text);
  }
});

const vifTexts: Record<string, object> = {
  '': {},
  'bridge=xenbr0': { bridge: 'xenbr0' },
  'mac=00:16:3E:12:34:56, bridge=xenbr0, type=vif': {
    ...{ mac: '00:16:3e:12:34:56', bridge: 'xenbr0' },
  },
  'ip=10.0.0.1 10.0.0.2/31,script=vif-route,gatewaydev=eth0,vifname=lan,mtu=1400': {
    ...{ ip: '10.0.0.1 10.0.0.2/31', script: 'vif-route', gatewaydev: 'eth0' },
    ...{ vifname: 'lan', mtu: 1400 },
  },
  // As xlu_vif_parse_rate has it: 50 ms unless another interval is given, a number alone in seconds.
  'rate=10Mb/s': { rate: { bytes: 62_500, microseconds: 50_000 } },
  'rate=250KB/s': { rate: { bytes: 12_500, microseconds: 50_000 } },
  'rate=1MB/s@20ms': { rate: { bytes: 20_000, microseconds: 20_000 } },
  'rate=8b/s@2': { rate: { bytes: 2, microseconds: 2_000_000 } },
  'rate=1GB/s@10us': { rate: { bytes: 10_000, microseconds: 10 } },
};

test('so is an interface', () => {
  for (const [text, device] of Object.entries(vifTexts)) {
    assert.deepEqual(readVif(text), { device }, text);
  }
});
