update election set closed_at = $1, digest = $2 where closed_at is null
