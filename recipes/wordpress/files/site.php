<?php
// Written by the box: changes made here by hand are lost.
return [
    'host' => {{ app.host | php }},
    'title' => {{ answers.title | php }},
    'admin' => {{ answers.admin | php }},
    'email' => {{ answers.email | php }},
    'language' => {{ answers.language | php }},
    'visible' => {{ answers.visible | bool | php }},
    'timezone' => {{ box.timezone | php }},
];
