import type { DomainLimits } from '../../domains/settings.ts';
import type { DomainDocument } from '../generated/manifest.ts';
import type { DomainSettings } from '../manifest.ts';
import { atCreation, property } from './property.ts';

/** The properties of a manifest by the limit that they set. */
export const limitKeys = {
  grantFrames: 'max_grant_frames',
  maptrackFrames: 'max_maptrack_frames',
  eventChannels: 'max_event_channels',
} as const satisfies Record<keyof DomainLimits, keyof DomainDocument>;

export const maxGrantFramesProperty = limitProperty('grantFrames');
export const maxMaptrackFramesProperty = limitProperty('maptrackFrames');
export const maxEventChannelsProperty = limitProperty('eventChannels');

function limitProperty<L extends keyof DomainLimits>(limit: L) {
  type Chosen = Pick<DomainSettings['limits'], L>;
  return property({
    checks: [],
    read: ({ [limitKeys[limit]]: value }) => ({
      limits: (value === undefined ? {} : { [limit]: value }) as Chosen,
    }),
    asks: ({ limits }) => ({
      limits: { [limit]: limits[limit] ?? 'default' } as Pick<DomainLimits, L>,
    }),
    shown: atCreation(({ limits }) => {
      const value = limits[limit];
      return value === undefined ? undefined : { [limit]: value };
    }),
    honouredBy: ['creation'],
    changeable: false,
  });
}
