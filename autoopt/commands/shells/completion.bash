_autoopt_complete() {
    local line=${COMP_LINE:0:COMP_POINT} word about mark path prefix= cut=
    local begun=${line##* }
    # readline puts a word in place of what follows the last `=` or `:` only, where it takes those for breaks.
    for mark in "=" ":"; do
        if [[ $COMP_WORDBREAKS == *"$mark"* && $begun == *"$mark"* ]]; then
            path=${begun%"${begun##*"$mark"}"}
            (( ${#path} > ${#cut} )) && cut=$path
        fi
    done
    [[ $begun == *=* ]] && prefix=${begun%%=*}=
    COMPREPLY=()
    while IFS=$'\t' read -r word about; do
        if [[ $word == "<files>" ]]; then
            while IFS= read -r path; do
                [[ -d $path ]] && mark=/ || mark=' '
                printf -v path '%s%q%s' "$prefix" "$path" "$mark"
                COMPREPLY+=("${path#"$cut"}")
            done < <(compgen -f -- "${begun#"$prefix"}")
        elif [[ $word == "$begun"* ]]; then
            [[ $word == *[.=,] ]] || word+=' '
            COMPREPLY+=("${word#"$cut"}")
        fi
    done < <("$1" completion query "$line" 2>/dev/null)
}
complete -o nospace -F _autoopt_complete autoopt
