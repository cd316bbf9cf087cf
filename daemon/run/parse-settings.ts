import { BootFailure } from '../plan/failure.ts';
import { paths, type Settings } from '../plan/settings.ts';

/** Parses the settings file; fails when a field is missing or of the wrong type. */
export function parseSettings(text: string): Settings {
  const value: unknown = JSON.parse(text);
  if (isSettings(value)) return value;
  throw new BootFailure(
    `${paths.settings}: not the settings that the image builder writes`,
    'build the boot image again',
  );
}

function isSettings(value: unknown): value is Settings {
  if (typeof value !== 'object' || value === null) return false;
  const { pcr, bootPcr, policy, signed, onFailure, modules } = value as Record<string, unknown>;
  return (
    Number.isInteger(pcr) &&
    Number.isInteger(bootPcr) &&
    typeof policy === 'boolean' &&
    typeof signed === 'boolean' &&
    (onFailure === 'halt' || onFailure === 'reboot') &&
    Array.isArray(modules) &&
    modules.every((path) => typeof path === 'string')
  );
}
