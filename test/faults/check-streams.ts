import { parsePosition } from '../../server/core/stream/position.ts';
import type { Evidence, Report } from './evidence.ts';
import type { ClientLine } from './journal.ts';

interface Place {
  epoch: string;
  version: number;
}

/** G1, G2 as far as order goes, G8: what each subscriber was given, event by event. */
export function checkStreams({ held: { campaignId, head }, history, lines }: Evidence, report: Report): void {
  for (const [client, own] of Map.groupBy(lines, (line) => line.client)) {
    let place: Place | undefined;
    let previous: ClientLine | undefined;
    let watermark = 0;
    const where = `${client} on ${campaignId}`;

    const known = (epoch: string, version: number, line: ClientLine): boolean => {
      if (history.owner(epoch, version) !== undefined) return true;
      report('G2', `${where} was given an epoch that Postgres does not know`, [line]);
      return false;
    };

    for (const line of own) {
      const about = previous ? [previous, line] : [line];
      switch (line.kind) {
        case 'joined':
          place = undefined;
          watermark = 0;
          break;
        case 'resumed':
          watermark = 0;
          break;
        case 'snapshot': {
          const at = parsePosition(line.position);
          if (!at || !known(at.epoch, at.version, line)) break;
          if (place?.epoch !== at.epoch) watermark = 0;
          place = at;
          checkWatermark(at.epoch, line.durableVersion, about);
          break;
        }
        case 'entries': {
          if (!place) {
            report('G1', `${where} was given entries before a snapshot`, about);
            break;
          }
          if (!known(line.epoch, place.version, line)) break;
          if (
            line.epoch !== place.epoch &&
            history.owner(line.epoch, place.version) !== history.owner(place.epoch, place.version)
          ) {
            report(
              'G1',
              `${where} was led from ${place.epoch}:${place.version} onto a timeline that does not include it, without a snapshot`,
              about,
            );
          }
          if (line.epoch !== place.epoch) watermark = 0;
          let version = line.cut ? (line.entries[0]?.version ?? place.version + 1) - 1 : place.version;
          for (const entry of line.entries) {
            if (entry.version !== version + 1)
              report('G1', `${where} was given version ${entry.version} after ${version}`, about);
            version = entry.version;
          }
          place = { epoch: line.epoch, version };
          break;
        }
        case 'watermark': {
          const at = parsePosition(line.position);
          if (at) checkWatermark(at.epoch, at.version, about);
          break;
        }
        case 'final':
          if (!isHead(line.position)) report('G9', `${where} ends at ${line.position}, not at the head`, [line]);
          break;
        default:
          continue;
      }
      previous = line;
    }

    function checkWatermark(epoch: string, version: number, about: ClientLine[]): void {
      if (version < watermark) report('G8', `the watermark of ${where} fell from ${watermark} to ${version}`, about);
      if (version > 0 && !history.survives(epoch, version)) {
        report('G8', `${where} was shown that ${epoch}:${version} is durable, and it did not survive`, about);
      }
      watermark = Math.max(watermark, version);
    }
  }

  /** A client that has received nothing since the epoch ended stands on the same entry under its older name. */
  function isHead(position: string): boolean {
    const at = parsePosition(position);
    return at?.version === head.version && history.survives(at.epoch, at.version);
  }
}
