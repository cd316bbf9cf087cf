import { renaming } from './step-up.ts';

const limits = {
  'max-grant-frames': 'max_grant_frames',
  'max-maptrack-frames': 'max_maptrack_frames',
  'max-event-channels': 'max_event_channels',
};

/** Version 2 joins words as xl.cfg does. */
export const fromVersion1 = renaming(2, {
  platform: { 'on-failure': 'on_failure' },
  'platform.measurement': { 'boot-pcr': 'boot_pcr' },
  defaults: limits,
  'domains[]': limits,
});
