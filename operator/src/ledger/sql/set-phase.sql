update election set phase = $1 where phase <> $1
