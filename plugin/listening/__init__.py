"""Listening tests: sounds made comparable, tests as plain state machines, honest statistics, and files of results.

Nothing here knows Qt or plays sound; the app, the exported page and scripts stand on the same parts.

`sounds` has what is compared, aligned and as loud as each other; `switcher` plays it without a click.
`abx.AbxTest`, `mushra.MushraTest`, `preference.PreferenceTest` and `staircase.StaircaseTest` are the tests: each is
planned before it begins, is told answers, keeps its score to itself until it is over, and goes into a dict and back.
`statistics` says what answers mean, `results` keeps them in a file for each listener.
"""
