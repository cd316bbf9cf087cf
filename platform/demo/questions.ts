import { sendFiles } from '../machine/sent-files.ts';
import { askTpm } from './tpm-question.ts';

/**
 * The name of the guest that the demo makes and destroys in dom0. A manifest's domains can't have it: theirs begin with a letter
 * or digit.
 */
export const GUEST_NAME = '_demo';

/**
 * What a platform that came up can be asked: shell scripts for its dom0, which has stock tools only, by the name of the answer.
 * They are asked in this order. Which of them are asked is up to what is judged (judge.ts).
 */
export const questions = {
  'xl-list': 'xl list -Z',
  'xl-list-verbose': 'xl list -v',
  handover: sendFiles('/run/domb'),
  'info-before': 'cat /run/info-before',
  'info-after-domb': 'xl info',
  pcrs: askTpm('tpm2_pcrread -T device:/dev/tpmrm0'),
  eventlog: 'tpm2_eventlog /run/domb/measurement.log',
  /**
   * The kernel shows the log that it found at boot; only behind firmware that measures is there one. Read in one go, as the
   * file cannot be read twice from one opening.
   */
  'firmware-log': `
for log in /sys/kernel/security/tpm*/binary_bios_measurements; do
  [ -e "$log" ] || continue
  cat "$log" >/run/firmware.log && base64 /run/firmware.log
  exit
done`,
  /** A guest of dom0's own. The UUID says which domain was made; its domid goes to a file. */
  'guest-create': `
${untilAlive(GUEST_NAME)}
uuid=$(cat /proc/sys/kernel/random/uuid)
cat >/run/guest.cfg <<CONFIG
${guestConfiguration(GUEST_NAME)}
uuid = "$uuid"
CONFIG
xl create /run/guest.cfg || exit
xl list -v | awk -v uuid="$uuid" 'index($0, uuid) { print $2 }' >/run/guest.domid
alive`,
  'guest-list': 'xl list -Z',
  'guest-console': `cat /var/log/xen/console/guest-${GUEST_NAME}.log`,
  /** By the domid that it got, so that nothing else can be meant. */
  'guest-destroy': `
guest=$(cat /run/guest.domid)
[ -n "$guest" ] || {
  echo 'xl create made no guest'
  exit 1
}
xl destroy "$guest"`,
  'list-after': 'xl list -Z',
} as const;

export type QuestionName = keyof typeof questions;

/** The question for what a guest said on its console, which dom0 serves: asked for as soon as it says that it is up. */
export const consoleQuestion = (guest: string): [name: string, script: string] => [
  `console-${guest}`,
  `${untilAlive(guest)}\nalive\ncat /var/log/xen/console/guest-${guest}.log`,
];

/** What `xl create` takes to make a pv guest from the images that dom0 has. */
export function guestConfiguration(name: string): string {
  return `name = "${name}"
type = "pv"
memory = 128
vcpus = 1
kernel = "/guest/vmlinux"
ramdisk = "/guest/guest.cpio.zst"
extra = "console=hvc0 domb.name=${name}"
seclabel = "system_u:system_r:domU_t"`;
}

/** A shell function that waits for a guest whose console dom0 serves; it fails after a minute and a half. */
function untilAlive(guest: string): string {
  return `
alive() {
  tries=0
  until grep -q 'guest ${guest}: alive' /var/log/xen/console/guest-${guest}.log 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -le 180 ] || return 1
    sleep 0.5
  done
}`;
}
