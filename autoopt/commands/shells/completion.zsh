#compdef autoopt
_autoopt() {
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX" word about
    local -a whole begun whole_said begun_said
    while IFS=$'\t' read -r word about; do
        if [[ $word == '<files>' ]]; then
            [[ $PREFIX == *=* ]] && compset -P 1 '*='
            _files
            continue
        fi
        if [[ $word == *[.=,] ]]; then
            begun+=("$word"); begun_said+=("$word${about:+  -- $about}")
        else
            whole+=("$word"); whole_said+=("$word${about:+  -- $about}")
        fi
    done < <("$words[1]" completion query "$line" 2>/dev/null)
    (( $#whole )) && compadd -l -d whole_said -a whole
    (( $#begun )) && compadd -l -S '' -d begun_said -a begun
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _autoopt "$@"
else
    compdef _autoopt autoopt
fi
